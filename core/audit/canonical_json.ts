/**
 * Canonical JSON after RFC 8785 (JCS): members sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript writes them. The audit chain is made over these bytes, so that two programs agree on them.
 *
 * @throws TypeError for what JSON cannot hold: a number that is not finite, an unpaired surrogate, a function,
 *   a symbol, a bigint, a cycle. Members that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  return write(value, new Set());
}

function write(value: unknown, above: Set<object>): string {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new TypeError("canonical JSON cannot hold an unpaired surrogate");
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold ${value}`);
      return JSON.stringify(value);
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : writeObject(value, above);
    default:
      throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
  }
}

function writeObject(value: object, above: Set<object>): string {
  if (above.has(value)) throw new TypeError("canonical JSON cannot hold a cycle");
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    throw new TypeError("canonical JSON holds plain objects only");
  }
  above.add(value);
  const text = Array.isArray(value)
    ? `[${value.map((item) => write(item ?? null, above)).join(",")}]`
    : `{${members(value as Record<string, unknown>, above).join(",")}}`;
  above.delete(value);
  return text;
}

function members(value: Record<string, unknown>, above: Set<object>): string[] {
  // The default sort compares UTF-16 code units, which is what the RFC asks for.
  return Object.keys(value).filter((key) => value[key] !== undefined).sort()
    .map((key) => `${write(key, above)}:${write(value[key], above)}`);
}
