import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { accessCookie, endedCookies, preferenceCookie, readCookie, sessionCookie, THEME_COOKIE } from "./cookies.ts";

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

Deno.test("a session's cookies keep what __Host- demands, and are out of reach for scripts and other sites", () => {
  const clock = fakeClock();
  const day = sessionCookie("token", clock.now().add({ hours: 24 }), clock);
  const minutes = accessCookie("token", 900);
  for (const cookie of [day, minutes, ...endedCookies()]) {
    const [pair, ...attributes] = cookie.split("; ");
    assert.match(pair, /^__Host-(session|access)=(token)?$/);
    for (const wanted of ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"]) {
      assert.ok(attributes.includes(wanted), wanted);
    }
    assert.ok(!attributes.some((attribute) => attribute.startsWith("Domain")));
  }
  assert.match(day, /Max-Age=86400$/, "until the session ends");
  assert.match(minutes, /Max-Age=900$/);
  for (const cookie of endedCookies()) assert.match(cookie, /=; .*Max-Age=0$/);
  assert.deepEqual(endedCookies().map((cookie) => cookie.split("=")[0]), ["__Host-session", "__Host-access"]);
  assert.match(sessionCookie("token", clock.now().subtract({ hours: 1 }), clock), /Max-Age=0$/, "one that is over");
});

Deno.test("a preference lasts a year, and its absence ends it", () => {
  assert.match(
    preferenceCookie(THEME_COOKIE, "dark"),
    /^__Host-theme=dark; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000$/,
  );
  assert.match(preferenceCookie(THEME_COOKIE, null), /^__Host-theme=; .*Max-Age=0$/);
});
