import { AppError, type Problem } from "../../core/errors.ts";

/** Fields of a form, as text; the first of each name unless all are asked for. */
export interface Form {
  get(name: string): string;
  all(name: string): string[];
}

/** Fields in one form: the largest is a deployment of thousands of hosts. */
const MAX_FIELDS = 20_000;

const sent = new WeakMap<Request, Promise<string>>();

/**
 * The body of a form as it was sent, also after `readForm` has read it: who has to confirm first sends it once more.
 * @throws AppError unsupported_media_type for another type
 */
export function formText(request: Request): Promise<string> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded(\s*;|\s*$)/i.test(type)) {
    throw new AppError("unsupported_media_type", { hint: "Send the form from its own page." });
  }
  const text = sent.get(request) ?? request.text();
  sent.set(request, text);
  return text;
}

/**
 * Reads a form that a page of ours sent. A field that the form does not have, or that comes twice where it can come
 * once, was not written by our page: it is refused, because who reads it and who checked it could mean different values.
 * @param once names of fields that come at most once
 * @param lists names of fields that come as often as there are values
 * @throws AppError unsupported_media_type for another type, bad_request for too many fields, validation_failed for
 *   fields that are unknown or repeated
 */
export async function readForm(
  request: Request,
  once?: readonly string[],
  lists: readonly string[] = [],
): Promise<Form> {
  const fields = new URLSearchParams(await formText(request));
  if (fields.size > MAX_FIELDS) throw new AppError("bad_request", { message: "The form has too many fields." });
  if (once) refuseUnexpected(fields, once, lists);
  const known = (name: string) => {
    if (once && !once.includes(name) && !lists.includes(name)) throw new Error(`The form does not declare ${name}.`);
    return name;
  };
  // NUL is nothing that a person can type and nothing that the database can hold.
  const clean = (value: string) => value.replaceAll("\u0000", "");
  return {
    get: (name) => clean(fields.get(known(name)) ?? ""),
    all: (name) => fields.getAll(known(name)).map(clean),
  };
}

function refuseUnexpected(fields: URLSearchParams, once: readonly string[], lists: readonly string[]): void {
  const details: Problem[] = [];
  for (const name of new Set(fields.keys())) {
    const field = name.slice(0, 100) || "body";
    if (lists.includes(name)) continue;
    if (!once.includes(name)) details.push({ field, problem: "There is no such field.", hint: "Reload the page." });
    else if (fields.getAll(name).length > 1) details.push({ field, problem: "It comes more than once." });
  }
  if (details.length > 0) throw new AppError("validation_failed", { details: details.slice(0, 20) });
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
