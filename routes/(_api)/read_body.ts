import { createMiddleware } from "hono/factory";
import { AppError } from "../../core/errors.ts";
import { LimitError, parseJsonLimited, requestLimits } from "../../protocol/limits.ts";
import type { Env } from "./api_app.ts";
import { repeatedMember } from "./repeated_member.ts";

/** Bodies of people's clients are flat; this bounds what parsing costs before anybody looks at the content. */
const limits = { ...requestLimits, max_values: 100_000 };

/**
 * Reads a JSON body strictly: the type is said, the bytes are UTF-8, nesting and number of values are bounded, and no
 * member comes twice, because what two readers of the same bytes understand must be the same (RFC 8259, 4).
 * @throws AppError unsupported_media_type, payload_too_large, bad_request
 */
export function readBody(required: boolean) {
  return createMiddleware<Env>(async (c, next) => {
    // Hono keeps the bytes: whoever asks for JSON later gets these.
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    if (bytes.length === 0 && !required) {
      if (c.req.header("content-type") === undefined) return await next();
    }
    const type = c.req.header("content-type") ?? "";
    if (!/^application\/json(;\s*charset="?utf-8"?)?\s*$/i.test(type)) throw new AppError("unsupported_media_type");
    if (bytes.length === 0) throw unreadable("The body is empty.");
    const { text, value } = parsed(bytes);
    const repeated = repeatedMember(text);
    if (repeated !== null) throw unreadable("A member comes twice in the same object.", repeated);
    refuseNul(value, []);
    await next();
  });
}

function parsed(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    return { value: parseJsonLimited(bytes, limits), text: new TextDecoder().decode(bytes) };
  } catch (thrown) {
    if (!(thrown instanceof LimitError)) throw thrown;
    if (thrown.kind === "too_large") throw new AppError("payload_too_large", { cause: thrown });
    throw unreadable(thrown.message);
  }
}

/** No text of ours holds NUL, and the database cannot: refused here, so that no schema can forget it. */
function refuseNul(value: unknown, path: string[]): void {
  if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      refuseNul(key, path);
      refuseNul(member, [...path, key]);
    }
  } else if (typeof value === "string" && value.includes("\u0000")) {
    const field = path.join(".").slice(0, 200) || "body";
    throw new AppError("validation_failed", { details: [{ field, problem: "It holds NUL, which no text may." }] });
  }
}

function unreadable(problem: string, field = "body"): AppError {
  return new AppError("bad_request", {
    message: "The body could not be read.",
    hint: "Send one JSON value in UTF-8.",
    details: [{ field: field.slice(0, 200), problem }],
  });
}
