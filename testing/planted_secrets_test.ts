import assert from "node:assert/strict";
import { secretToken } from "../core/ids.ts";
import { assertNoSecret, plant, plantCookies, plantFrom } from "./planted_secrets.ts";

const leaks = (text: string) => assert.throws(() => assertNoSecret(text, "a log"), /A secret .* stands in a log/);

Deno.test("a secret that was handed out is found, and the words about it do not hold it", () => {
  const secret = plant(secretToken());
  leaks(`a line with ${secret} in it`);
  assert.throws(() => assertNoSecret(`x${secret}y`, "a log"), (thrown) => {
    assert.ok(thrown instanceof Error && !thrown.message.includes(secret));
    return true;
  });
  assertNoSecret(`a line with ${secretToken()} in it`, "a log");
});

Deno.test("secrets of an answer are remembered wherever they stand; what only looks like one is not", () => {
  const [token, ticket, code, password] = Array.from({ length: 4 }, secretToken);
  plantFrom({
    items: [{ access_token: token, expires_in: 3 }],
    ticket,
    recovery_codes: [code],
    must_change_password: true,
  });
  plantFrom({ user: { one_time_password: password }, error: { code: "too_many_requests" }, token: null });
  for (const secret of [token, ticket, code, password]) leaks(secret);
  assertNoSecret('{"error_code":"too_many_requests"}', "a log");
});

Deno.test("cookies that are set are remembered, preferences and ended ones are not", () => {
  const [session, access] = [secretToken(), secretToken()];
  const headers = new Headers();
  headers.append("set-cookie", `__Host-session=${session}; Path=/; Secure`);
  headers.append("set-cookie", `__Host-access=${access}; Path=/; Secure`);
  headers.append("set-cookie", "__Host-other=; Path=/; Max-Age=0");
  headers.append("set-cookie", "__Host-theme=very-dark-indeed; Path=/");
  plantCookies(headers);
  for (const secret of [session, access]) leaks(secret);
  assertNoSecret("very-dark-indeed", "a log");
});
