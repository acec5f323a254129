/**
 * Order of two Debian versions, as dpkg has it (deb-version(7)): negative, zero or positive. Epoch first, then
 * upstream version, then revision; `~` sorts before everything, even the end.
 */
export function compareVersions(left: string, right: string): number {
  const a = split(left);
  const b = split(right);
  return a.epoch - b.epoch || comparePart(a.upstream, b.upstream) || comparePart(a.revision, b.revision);
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = colon < 0 ? version : version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

function comparePart(left: string, right: string): number {
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    while ((i < left.length && !isDigit(left[i])) || (j < right.length && !isDigit(right[j]))) {
      const difference = weight(left[i]) - weight(right[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const [leftNumber, leftEnd] = digits(left, i);
    const [rightNumber, rightEnd] = digits(right, j);
    // Longer than a safe integer is possible (dates with time), so numbers are compared as text.
    if (leftNumber.length !== rightNumber.length) return leftNumber.length - rightNumber.length;
    if (leftNumber !== rightNumber) return leftNumber < rightNumber ? -1 : 1;
    i = leftEnd;
    j = rightEnd;
  }
  return 0;
}

/** `~`, then the end and digits, then letters, then the rest. */
function weight(character: string | undefined): number {
  if (character === undefined || isDigit(character)) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

function digits(text: string, start: number): [number: string, end: number] {
  let end = start;
  while (end < text.length && isDigit(text[end])) end++;
  return [text.slice(start, end).replace(/^0+/, ""), end];
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
