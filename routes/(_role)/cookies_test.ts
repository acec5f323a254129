import assert from "node:assert/strict";
import { endedSessionCookie, preferenceCookie, readCookie, sessionCookie, THEME_COOKIE } from "./cookies.ts";

Deno.test("a cookie is found by its whole name only, the first one wins", () => {
  for (
    const [header, value] of [
      [null, null],
      ["", null],
      ["x__Host-session=a", null],
      ["__Host-sessions=a", null],
      ["__host-session=a", null],
      ["a=__Host-session=b", null],
      ["__Host-session", ""],
      ["__Host-session=a", "a"],
      ["theme=dark; __Host-session=a; __Host-session=b", "a"],
      ["__Host-session=a=b==;x=y", "a=b=="],
      [" __Host-session=a ", "a"],
    ]
  ) {
    assert.equal(readCookie(header, "__Host-session"), value, String(header));
  }
});

Deno.test("the session's cookie keeps what __Host- demands, and is out of reach for scripts and other sites", () => {
  for (const cookie of [sessionCookie("token"), endedSessionCookie()]) {
    const [pair, ...attributes] = cookie.split("; ");
    assert.match(pair, /^__Host-session=(token)?$/);
    for (const wanted of ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"]) {
      assert.ok(attributes.includes(wanted), wanted);
    }
    assert.ok(!attributes.some((attribute) => attribute.startsWith("Domain")));
  }
  assert.match(endedSessionCookie(), /Max-Age=0$/);
  assert.doesNotMatch(sessionCookie("token"), /Max-Age=0$/);
});

Deno.test("a preference lasts a year, and its absence ends it", () => {
  assert.match(
    preferenceCookie(THEME_COOKIE, "dark"),
    /^__Host-theme=dark; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000$/,
  );
  assert.match(preferenceCookie(THEME_COOKIE, null), /^__Host-theme=; .*Max-Age=0$/);
});
