import assert from "node:assert/strict";
import { DatabaseError } from "./failure.ts";
import { describeTarget, isLoopback, readTarget, type Target } from "./target.ts";

const PASSWORD = "hunter%32";

Deno.test("URLs that are refused, in words that never repeat the password", () => {
  const remote = `postgres://u:${PASSWORD}@db.example.org/d`;
  for (
    const [url, words] of [
      ["", /not a PostgreSQL address/],
      ["localhost", /not a PostgreSQL address/],
      [`mysql://u:${PASSWORD}@h/d`, /not a PostgreSQL address/],
      [`postgres://u:${PASSWORD}@h:port/d`, /not a PostgreSQL address/],
      [`postgres://u:${PASSWORD}@a,b/d`, /several hosts/],
      [`postgres://u:${PASSWORD}@h:0/d`, /1 to 65535/],
      [`postgres://:${PASSWORD}@h/d`, /names no user/],
      [`postgres://u:${PASSWORD}@h`, /names no database/],
      [`postgres://u:${PASSWORD}@h/`, /names no database/],
      [`postgres://u:${PASSWORD}@h/a/b`, /names no database/],
      [`postgres://u:%E0%A4%A@h/d`, /password in database.url is not well written/],
      [`postgres://u:%00@h/d`, /password in database.url is not well written/],
      [`${remote}?pool=5`, /not known: pool/],
      [`${remote}?options=-c%20x`, /not known: options/],
      [`${remote}?sslmode=verify-full&sslmode=disable`, /sslmode twice/],
      // What a remote server must not be reached by.
      [`${remote}?sslmode=disable`, /in the clear/],
      [`${remote}?sslmode=allow`, /in the clear/],
      [`${remote}?sslmode=prefer`, /in the clear/],
      [`${remote}?sslmode=require`, /checks no certificate/],
      [`${remote}?sslmode=require&sslrootcert=/ca.pem`, /checks no certificate/],
      [`${remote}?sslmode=verify-ca`, /any server of that CA/],
      [`${remote}?sslmode=Disable`, /does not know/],
      [`${remote}?sslmode=`, /does not know/],
      [`postgres://u:${PASSWORD}@10.0.0.7/d?sslmode=disable`, /in the clear/],
      [`postgres://u:${PASSWORD}@127.0.0.1.example.org/d?sslmode=disable`, /in the clear/],
      [`postgres://u:${PASSWORD}@localhost.example.org/d?sslmode=require`, /checks no certificate/],
      [`postgres://u:${PASSWORD}@[2001:db8::1]/d?sslmode=prefer`, /in the clear/],
    ] as [string, RegExp][]
  ) {
    assert.throws(() => readTarget(url), (error) => {
      assert.ok(error instanceof DatabaseError, url);
      assert.equal(error.kind, "url");
      assert.match(error.message, words, url);
      assert.ok(error.hint.length > 10);
      assert.equal(error.cause, undefined);
      assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, /hunter/);
      return true;
    });
  }
});

Deno.test("how the way to a server is protected", () => {
  for (
    const [url, tls, ca_file] of [
      ["postgres://u@db.example.org/d", "verify-full", null],
      ["postgres://u@db.example.org/d?sslmode=verify-full", "verify-full", null],
      ["postgres://u@db.example.org/d?sslrootcert=/etc/ca.pem", "verify-full", "/etc/ca.pem"],
      ["postgres://u@db.example.org/d?sslrootcert=system", "verify-full", null],
      ["postgresql://u@[2001:db8::1]:6432/d", "verify-full", null],
      ["postgres://u@localhost/d", "off", null],
      ["postgres://u@127.0.0.1/d?sslmode=prefer", "off", null],
      ["postgres://u@[::1]/d?sslmode=disable", "off", null],
      ["postgres://u@localhost/d?sslmode=require", "unverified", null],
      ["postgres://u@localhost/d?sslmode=require&sslrootcert=/ca.pem", "verify-full", "/ca.pem"],
      ["postgres://u@localhost/d?sslmode=verify-full", "verify-full", null],
      ["postgres://u@localhost/d?sslrootcert=/ca.pem", "verify-full", "/ca.pem"],
      ["postgres:///d?host=/run/postgresql&user=u", "off", null],
      ["postgres:///d?host=/run/postgresql&user=u&sslmode=disable", "off", null],
    ] as [string, Target["tls"], string | null][]
  ) {
    const target = readTarget(url);
    assert.deepEqual([target.tls, target.ca_file], [tls, ca_file], url);
  }
});

Deno.test("a URL is read to its last character", () => {
  assert.deepEqual(readTarget("postgres://u%40x:p%3Aq%2Fr@db.example.org:6432/d%20e"), {
    host: "db.example.org",
    port: 6432,
    socket: null,
    user: "u@x",
    database: "d e",
    password: "p:q/r",
    tls: "verify-full",
    ca_file: null,
  });
  const socket = readTarget("postgres:///d?host=/run/pg/&port=5433&user=u");
  assert.deepEqual([socket.socket, socket.host, socket.password], ["/run/pg/.s.PGSQL.5433", "localhost", ""]);
});

Deno.test("words about a target have no password", () => {
  const words = describeTarget(readTarget("postgres://u:secret@[2001:db8::1]:6432/d"));
  assert.deepEqual(words, { place: "[2001:db8::1]:6432", user: "u", database: "d", tls: true });
});

Deno.test("only loopback is loopback", () => {
  for (const host of ["localhost", "127.0.0.1", "127.255.0.3", "::1"]) assert.equal(isLoopback(host), true, host);
  for (const host of ["localhost.", "127.0.0.1.nip.io", "10.0.0.1", "::2", "0.0.0.0", ""]) {
    assert.equal(isLoopback(host), false, host);
  }
});
