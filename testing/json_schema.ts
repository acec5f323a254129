/** A JSON Schema as an OpenAPI 3.1 document holds it. */
export type Schema = Record<string, unknown>;

const KNOWN = new Set([
  "$ref",
  "type",
  "properties",
  "required",
  "items",
  "enum",
  "const",
  "anyOf",
  "oneOf",
  "allOf",
  "additionalProperties",
  "propertyNames",
  "format",
  "pattern",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "description",
  "example",
  "default",
]);

const FORMATS: Record<string, RegExp> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
};

/**
 * What of a value is not as the schema says; empty when all is. Stricter than the standard where that finds more: a
 * member that the schema does not name is a problem, an unknown keyword or format of the schema throws.
 * @param resolve follows a `$ref`
 */
export function schemaProblems(
  schema: Schema,
  value: unknown,
  resolve: (ref: string) => Schema,
  path = "answer",
): string[] {
  const unknown = Object.keys(schema).find((keyword) => !KNOWN.has(keyword) && !keyword.startsWith("x-"));
  if (unknown) throw new Error(`${path}: the checker does not know the keyword ${unknown}`);
  if (typeof schema.$ref === "string") return schemaProblems(resolve(schema.$ref), value, resolve, path);
  const inner = (one: Schema) => schemaProblems(one, value, resolve, path);
  const choices = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (choices) {
    const found = choices.map(inner);
    return found.some((problems) => problems.length === 0)
      ? []
      : [`${path}: fits no choice (${found.flat().join("; ")})`];
  }
  if (schema.allOf) return (schema.allOf as Schema[]).flatMap(inner);
  return [...typeProblems(schema, value, path), ...memberProblems(schema, value, resolve, path)];
}

function typeProblems(schema: Schema, value: unknown, path: string): string[] {
  const types = schema.type === undefined ? null : [schema.type].flat() as string[];
  const actual = typeOf(value);
  if (types && !types.includes(actual) && !(actual === "integer" && types.includes("number"))) {
    return [`${path}: is ${actual}, not ${types.join(" or ")}`];
  }
  const problems: string[] = [];
  if (schema.enum && value !== null && !(schema.enum as unknown[]).includes(value)) {
    problems.push(`${path}: ${value} is none of the values`);
  }
  if ("const" in schema && schema.const !== value) problems.push(`${path}: is not ${schema.const}`);
  if (typeof value === "string") {
    const { format, maxLength, minLength } = schema as { format?: string; maxLength?: number; minLength?: number };
    if (format !== undefined) {
      if (!FORMATS[format]) throw new Error(`${path}: the checker does not know the format ${format}`);
      if (!FORMATS[format].test(value)) problems.push(`${path}: ${value} is no ${format}`);
    }
    if (value.length > (maxLength ?? Infinity) || value.length < (minLength ?? 0)) problems.push(`${path}: its length`);
  }
  if (typeof value === "number") {
    const { minimum = -Infinity, maximum = Infinity } = schema as { minimum?: number; maximum?: number };
    if (value < minimum || value > maximum) problems.push(`${path}: ${value} is out of bounds`);
  }
  return problems;
}

function memberProblems(
  schema: Schema,
  value: unknown,
  resolve: (ref: string) => Schema,
  path: string,
): string[] {
  if (Array.isArray(value)) {
    const items = schema.items as Schema | undefined;
    return items ? value.flatMap((item, index) => schemaProblems(items, item, resolve, `${path}.${index}`)) : [];
  }
  if (typeof value !== "object" || value === null) return [];
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const others = schema.additionalProperties as Schema | boolean | undefined;
  const open = others === true || typeof others === "object" || schema.properties === undefined;
  const missing = ((schema.required ?? []) as string[]).filter((name) => !Object.hasOwn(value, name));
  const problems = missing.map((name) => `${path}: ${name} is missing`);
  for (const [name, member] of Object.entries(value)) {
    const of = properties[name] ?? (typeof others === "object" ? others : null);
    if (of) problems.push(...schemaProblems(of, member, resolve, `${path}.${name}`));
    else if (!open) problems.push(`${path}: ${name} is not described`);
  }
  return problems;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
