import { createHash } from "node:crypto";
import type { Answer } from "./answer.ts";

/**
 * Answers `data` with an ETag, or 304 when the caller has it. The tag is a weak one over `hashed`, which leaves out
 * what changes by itself every second: envelope, age of the index (RFC 9110, 8.8.1). `data` may be the same object.
 */
export function answerTagged(
  data: unknown,
  hashed: unknown,
  if_none_match: string | undefined,
  headers: Record<string, string> = {},
): Answer {
  const tag = `W/"${createHash("sha256").update(JSON.stringify(hashed)).digest("base64url").slice(0, 32)}"`;
  const all = { ...headers, etag: tag };
  return knows(if_none_match, tag) ? { status: 304, data: null, headers: all } : { status: 200, data, headers: all };
}

/** True when the header names the tag, compared weakly (RFC 9110, 13.1.2). */
function knows(header: string | undefined, tag: string): boolean {
  if (header === undefined || header.length > 4096) return false;
  const opaque = tag.replace(/^W\//, "");
  return header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === opaque);
}
