/**
 * How values travel between TypeScript and PostgreSQL. The driver's own rules are replaced where they lose
 * something (measured with postgres.js 3.4.9): NULL inside an array was read as the text "NULL", int8 came as
 * text, date as a Date at midnight of some zone.
 */

/** One type: the object identifier in pg_type, the one of its array, and both directions. */
interface Value {
  oid: number;
  array: number;
  // deno-lint-ignore no-explicit-any
  write: (value: any) => string;
  read: (text: string) => unknown;
  /** An element may itself be a JavaScript array (JSON), so nesting is not a dimension. */
  opaque?: boolean;
}

const same = (text: string) => text;
const json = { write: (value: unknown) => JSON.stringify(value), read: (text: string) => JSON.parse(text) };

const VALUES: Record<string, Value> = {
  bool: { oid: 16, array: 1000, write: writeBoolean, read: (text) => text === "t" },
  bytea: { oid: 17, array: 1001, write: writeBytes, read: (text) => Uint8Array.fromHex(text.slice(2)) },
  int8: { oid: 20, array: 1016, write: writeInteger, read: readInt8 },
  int2: { oid: 21, array: 1005, write: writeInteger, read: Number },
  int4: { oid: 23, array: 1007, write: writeInteger, read: Number },
  text: { oid: 25, array: 1009, write: String, read: same },
  name: { oid: 19, array: 1003, write: String, read: same },
  oid: { oid: 26, array: 1028, write: writeInteger, read: Number },
  json: { oid: 114, array: 199, ...json, opaque: true },
  cidr: { oid: 650, array: 651, write: String, read: same },
  float4: { oid: 700, array: 1021, write: String, read: Number },
  float8: { oid: 701, array: 1022, write: String, read: Number },
  inet: { oid: 869, array: 1041, write: String, read: same },
  varchar: { oid: 1043, array: 1015, write: String, read: same },
  date: { oid: 1082, array: 1182, write: writeDate, read: same },
  timestamp: { oid: 1114, array: 1115, write: String, read: same },
  instant: { oid: 1184, array: 1185, write: writeInstant, read: readInstant },
  numeric: { oid: 1700, array: 1231, write: String, read: same },
  uuid: { oid: 2950, array: 2951, write: String, read: same },
  jsonb: { oid: 3802, array: 3807, ...json, opaque: true },
};

interface DriverType {
  to: number;
  from: number[];
  // deno-lint-ignore no-explicit-any
  serialize: (value: any) => string;
  parse: (text: string) => unknown;
}

/** The table in the form that postgres.js takes as `types`, where a key `name` would hide a function's name. */
export function driverTypes(): Record<string, DriverType> {
  const types: Record<string, DriverType> = {};
  for (const [name, value] of Object.entries(VALUES)) {
    types[`${name}_value`] = { to: value.oid, from: [value.oid], serialize: value.write, parse: value.read };
    types[`${name}_array`] = {
      to: value.array,
      from: [value.array],
      serialize: (values) => writeArray(values, value),
      parse: (text) => readArray(text, value.read),
    };
  }
  return types;
}

/** Element type to array type: what `sql.array(values)` looks up. */
export function arrayTypes(): Record<number, number> {
  return Object.fromEntries(Object.values(VALUES).map((value) => [value.oid, value.array]));
}

/**
 * Text of a timestamptz to an instant. Sessions run in UTC with ISO dates, so the text is
 * `2026-11-20 10:00:00.123456+00`.
 * @throws RangeError for infinity and for years before 1, which an instant cannot say honestly.
 */
export function readInstant(text: string): Temporal.Instant {
  const parts = /^(\d{4,6})-(\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)?)$/.exec(text);
  if (!parts) throw new RangeError(`the time ${JSON.stringify(text)} is not an instant`);
  const year = parts[1].length > 4 ? `+${parts[1].padStart(6, "0")}` : parts[1];
  return Temporal.Instant.from(`${year}-${parts[2]}T${parts[3]}${parts[4]}`);
}

/** Microseconds are what PostgreSQL keeps; finer digits are cut off, never rounded up into the future. */
function writeInstant(value: unknown): string {
  if (value instanceof Temporal.Instant) return value.toString({ fractionalSecondDigits: 6 });
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "string") return value;
  throw new TypeError("a timestamptz takes a Temporal.Instant or its text");
}

/**
 * int8 as number: identities of events, logs and audit stay far below 2^53.
 * @throws RangeError above it, because a rounded identity names another row.
 */
export function readInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the integer ${text} does not fit into a number`);
  return value;
}

function writeInteger(value: number | bigint | string): string {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is not an integer that a number can hold`);
  }
  return String(value);
}

/** A calendar day is text, not an instant: `2026-11-20`. */
function writeDate(value: unknown): string {
  if (value instanceof Temporal.PlainDate || typeof value === "string") return String(value);
  throw new TypeError("a date takes a Temporal.PlainDate or its text");
}

function writeBoolean(value: boolean | string): string {
  if (typeof value === "string") return value;
  return value ? "t" : "f";
}

function writeBytes(value: Uint8Array | string): string {
  return typeof value === "string" ? value : "\\x" + value.toHex();
}

/** PostgreSQL's array literal: every element quoted, null bare, dimensions by nesting. */
function writeArray(values: unknown, type: Value): string {
  if (typeof values === "string") return values;
  if (!Array.isArray(values)) throw new TypeError("an array type takes an array");
  const element = (value: unknown): string => {
    if (value === null) return "null";
    if (value === undefined) throw new TypeError("undefined inside an array: use null");
    if (Array.isArray(value) && !type.opaque) return writeArray(value, type);
    return `"${type.write(value).replace(/[\\"]/g, "\\$&")}"`;
  };
  return `{${values.map(element).join(",")}}`;
}

/** The reverse: unquoted NULL is null, quoted "NULL" is text. */
export function readArray(text: string, read: (text: string) => unknown): unknown[] {
  let at = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const level = (): unknown[] => {
    const values: unknown[] = [];
    at++;
    while (text[at] !== "}") {
      if (at >= text.length) throw new RangeError("the array literal has no end");
      if (text[at] === ",") at++;
      if (text[at] === "{") values.push(level());
      else if (text[at] === '"') values.push(read(quoted()));
      else {
        const start = at;
        while (at < text.length && text[at] !== "," && text[at] !== "}") at++;
        const bare = text.slice(start, at);
        values.push(bare === "NULL" ? null : read(bare));
      }
    }
    at++;
    return values;
  };
  const quoted = (): string => {
    let value = "";
    let start = ++at;
    while (text[at] !== '"') {
      if (at >= text.length) throw new RangeError("the array literal has no end");
      if (text[at] === "\\") {
        value += text.slice(start, at);
        start = ++at;
      }
      at++;
    }
    value += text.slice(start, at);
    at++;
    return value;
  };
  return level();
}
