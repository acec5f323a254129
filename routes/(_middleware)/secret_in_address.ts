import { AppError } from "../../core/errors.ts";
import { define } from "../(_role)/state.ts";

/** Names under which programs put secrets into addresses. */
const NAMES =
  /^((access|refresh|id|api|auth|bearer|session|csrf|enrol+ment)[_-]?)?(token|secret)$|^(pass(word|wd|phrase)|pwd|client[_-]?secret|api[_-]?key|auth(orization)?|bearer|jwt|session([_-]?id)?|sid|cookie)$/i;
/** An API token of ours or a JSON Web Token under any name; an address within the address that carries one. */
const VALUES =
  /(^|[^A-Za-z0-9])lpm_[A-Za-z0-9_-]{43}|(^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/;

/**
 * Refuses a token or a password in an address: addresses end up in histories, bookmarks and the logs of proxies. Our own
 * log holds route patterns, so it is in none of ours. The ticket of a live socket is the one exception: it is good once,
 * for a minute, and only for the handshake (specification, section 14).
 */
export const secretInAddress = define.middleware((ctx) => {
  const { pathname, searchParams } = ctx.url;
  const in_query = [...searchParams].some(([name, value]) =>
    carries(name, value) || (name === "ticket" && ctx.kind !== "upgrade")
  );
  if (in_query || VALUES.test(decoded(pathname))) {
    throw new AppError("bad_request", {
      message: "A secret must not stand in an address.",
      hint: "Send it in the header Authorization, or in the body. Whatever was sent so is known to others: replace it.",
    });
  }
  return ctx.next();
});

/** The path as it was meant; as it came, where it is no encoding of anything. */
function decoded(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

function carries(name: string, value: string): boolean {
  if (NAMES.test(name) || VALUES.test(value)) return true;
  const inner = value.indexOf("?");
  // `next=/hosts?token=…`: the page would be sent on to there.
  return inner >= 0 && [...new URLSearchParams(value.slice(inner))].some(([name, value]) => carries(name, value));
}
