import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { codeOf, DatabaseError, explain, unavailable } from "./failure.ts";

const where = { place: "db.example.org:5432", user: "patch_web", database: "patch_manager", tls: false };
/** As the driver throws it: with the statement. */
const withCode = (code: string) => Object.assign(new Error(`driver says ${code}`), { code, query: "select 1" });

Deno.test("errors of statements are not about reaching the database", () => {
  for (const code of ["23505", "42P01", "42501", "40001", "57014", "22012", "UNDEFINED_VALUE", ""]) {
    assert.equal(explain(withCode(code), where), null, code);
    assert.equal(unavailable(withCode(code)), null, code);
  }
  for (const thrown of [null, undefined, "text", 7]) assert.equal(explain(thrown, where), null);
});

Deno.test("errors of reaching the database, by kind", () => {
  for (
    const [code, kind] of [
      ["ECONNREFUSED", "refused"],
      ["ENOENT", "refused"],
      ["ENOTFOUND", "refused"],
      ["28P01", "password"],
      ["28000", "password"],
      ["3D000", "missing_database"],
      ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
      ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
      ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
      ["CONNECT_TIMEOUT", "timeout"],
      ["53300", "too_many"],
      ["CONNECTION_CLOSED", "lost"],
      ["57P01", "lost"],
      ["57P03", "starting"],
      ["08006", "lost"],
    ]
  ) {
    const error = explain(withCode(code), where);
    assert.equal(error?.kind, kind, code);
    assert.match(error.message, /db\.example\.org:5432/);
    assert.match(error.message, /\.$/);
    assert.ok(error.hint.length > 10);
  }
});

Deno.test("a server without TLS is told from a lost connection", () => {
  assert.equal(explain(withCode("ECONNRESET"), where)?.kind, "lost");
  const error = explain(withCode("ECONNRESET"), { ...where, tls: true });
  assert.match(error?.message ?? "", /does not speak TLS/);
});

Deno.test("a request gets public words, the log gets the reason", () => {
  const error = unavailable(withCode("ECONNREFUSED"));
  assert.equal(error?.code, "database_unavailable");
  assert.equal(error?.message, "The database does not answer.");
  assert.ok(error?.cause instanceof DatabaseError);
  assert.equal(unavailable(error), error);
  assert.equal(unavailable(new AppError("conflict")), null);
  // A file, or a managed host, that is not there says nothing about the database.
  assert.equal(unavailable(new Deno.errors.NotFound("no such file")), null);
  assert.equal(unavailable(Object.assign(new Error("connect"), { code: "ECONNREFUSED" })), null);
  // A transaction whose connection went away carries no statement.
  assert.equal(unavailable(Object.assign(new Error("closed"), { code: "CONNECTION_CLOSED" }))?.status, 503);
});

Deno.test("the code is found in what drivers throw", () => {
  assert.equal(codeOf(new AggregateError([withCode("ECONNREFUSED")])), "ECONNREFUSED");
  assert.equal(explain(new Deno.errors.NotFound("x"), where)?.kind, "refused");
  assert.equal(codeOf({}), "");
});
