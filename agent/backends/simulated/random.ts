/**
 * Numbers that look random and are the same for the same words: every property of a simulated host is a function of
 * seed, host and purpose, so nothing has to be stored and a new property changes no old one. FNV-1a, then the
 * finishing step of MurmurHash3, because FNV alone leaves neighbours close together. Not for secrets.
 */
export function hash(...words: (string | number)[]): number {
  let value = 0x811c9dc5;
  for (const word of words) {
    const text = String(word);
    for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
    value = Math.imul(value ^ 0x1f, 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** At least 0, below 1. */
export function fraction(...words: (string | number)[]): number {
  return hash(...words) / 2 ** 32;
}

/** A whole number from `low` to `high`, both included. */
export function between(low: number, high: number, ...words: (string | number)[]): number {
  return low + Math.floor(fraction(...words) * (high - low + 1));
}

/** One of the choices. */
export function pick<T>(choices: readonly T[], ...words: (string | number)[]): T {
  return choices[hash(...words) % choices.length];
}

/** A UUID (RFC 9562, version 8: our own making) that is the same for the same words. */
export function steadyUuid(...words: (string | number)[]): string {
  const hex = [0, 1, 2, 3].map((part) => hash(...words, "uuid", part).toString(16).padStart(8, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
