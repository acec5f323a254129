import assert from "node:assert/strict";
import { AppError } from "../../core/errors.ts";
import { managerUrl } from "./manager_url.ts";
import type { Services } from "./state.ts";

const of = (public_url: string | null, asked: string) =>
  managerUrl({ services: { public_url, ca_fingerprint: "ab".repeat(32) } as Services }, new URL(asked));

Deno.test("the configured address wins over the one that the caller's Host names", () => {
  assert.equal(of("https://patch.example/", "https://evil.example/enrolments"), "https://patch.example");
  assert.equal(of(null, "https://10.0.0.1:8443/enrolments"), "https://10.0.0.1:8443");
  assert.equal(of(null, "https://[2001:db8::1]:8443/enrolments"), "https://[2001:db8::1]:8443");
});

Deno.test("an address that cannot stand in a command is refused with words", () => {
  for (const asked of ["https://a_b/", "https://a'b/", "https://a!b/", "https://a$b/", "http://patch.example/"]) {
    assert.throws(() => of(null, asked), (error: AppError) => {
      assert.equal(error.code, "bad_request", asked);
      assert.match(error.hint, /server\.public_url/);
      return true;
    });
  }
});
