import { AppError } from "../../core/errors.ts";

/** Fields of a form, as text; the first of each name unless all are asked for. */
export interface Form {
  get(name: string): string;
  all(name: string): string[];
}

/** Fields in one form: the largest is a deployment of thousands of hosts. */
const MAX_FIELDS = 20_000;

/**
 * Reads a form that a page of ours sent.
 * @throws AppError bad_request for another type or too many fields
 */
export async function readForm(request: Request): Promise<Form> {
  const type = request.headers.get("content-type") ?? "";
  if (!type.startsWith("application/x-www-form-urlencoded")) {
    throw new AppError("bad_request", { hint: "Send the form from its own page." });
  }
  const fields = new URLSearchParams(await request.text());
  if (fields.size > MAX_FIELDS) throw new AppError("bad_request", { message: "The form has too many fields." });
  // NUL is nothing that a person can type and nothing that the database can hold.
  const clean = (value: string) => value.replaceAll("\u0000", "");
  return {
    get: (name) => clean(fields.get(name) ?? ""),
    all: (name) => fields.getAll(name).map(clean),
  };
}

/** A path of this site, from a form or query; the start page for anything else. */
export function localPath(text: string): string {
  if (!text.startsWith("/") || text.length > 2_000) return "/";
  try {
    const url = new URL(text, "https://self.invalid");
    if (url.origin !== "https://self.invalid") return "/";
    // "/..//evil.example" is of this site, but what is left of it, "//evil.example", names another one.
    return url.pathname.startsWith("//") ? "/" : url.pathname + url.search;
  } catch {
    return "/";
  }
}
