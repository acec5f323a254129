import assert from "node:assert/strict";
import { makeAuthority, makeLeaf } from "../../testing/tls.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { connect, DatabaseError } from "./connection.ts";
import { startEmbedded } from "./embedded.ts";
import { unpackPrograms } from "./embedded_files.ts";
import { asServer } from "./embedded_state.ts";

const WHO = Deno.uid() === 0 ? { uid: 65_534, gid: 65_534 } : null;

Deno.test("a server over TLS: what is let through and what is not", async () => {
  const root = await makeAuthority();
  const other = await makeAuthority();
  const pair = await makeLeaf(root, { profile: "ui", common_name: "database", dns: ["localhost"], addresses: [] });
  await using server = await tlsServer(pair);
  await Deno.writeTextFile(`${server.folder}/ca.pem`, root.ca);
  await Deno.writeTextFile(`${server.folder}/other.pem`, other.ca);
  const url = (host: string, query: string) => `postgres://patch_web@${host}:${server.port}/patch_manager?${query}`;
  const ca = `sslrootcert=${server.folder}/ca.pem`;
  for (
    const [what, address, words] of [
      ["a CA that is not the server's", url("localhost", `sslrootcert=${server.folder}/other.pem`), /was not accepted/],
      ["no CA", url("localhost", "sslmode=verify-full"), /was not accepted/],
      ["another name than in the certificate", url("127.0.0.1", `sslmode=verify-full&${ca}`), /was not accepted/],
    ] as [string, string, RegExp][]
  ) {
    await assert.rejects(() => connect({ url: address, connect_timeout_s: 5 }), (error: DatabaseError) => {
      assert.ok(error instanceof DatabaseError, `${what}: ${error}`);
      assert.equal(error.kind, "tls", `${what}: ${error.message}`);
      assert.match(error.message, words, what);
      assert.match(error.hint, /sslrootcert/);
      return true;
    });
  }
  for (
    const [address, encrypted] of [
      [url("localhost", `sslmode=verify-full&${ca}`), true],
      [url("localhost", ca), true],
      [url("127.0.0.1", "sslmode=require"), true],
      [url("127.0.0.1", ""), false],
    ] as [string, boolean][]
  ) {
    const sql = await connect({ url: address, max: 1 });
    const [row] = await sql`select ssl, version from pg_stat_ssl where pid = pg_backend_pid()`;
    assert.equal(row.ssl, encrypted, address);
    if (encrypted) assert.match(row.version, /^TLSv1\.[23]$/);
    await sql.end();
  }
  const given = await connect({ url: url("localhost", "sslmode=verify-full"), ssl: { ca: root.ca }, max: 1 });
  await given.end();
});

Deno.test("a server reached by address needs that address in its certificate", async () => {
  const root = await makeAuthority();
  const pair = await makeLeaf(root, { profile: "ui", common_name: "database", dns: [], addresses: ["127.0.0.1"] });
  await using server = await tlsServer(pair);
  const url = (host: string) => `postgres://patch_web@${host}:${server.port}/patch_manager?sslmode=verify-full`;
  const sql = await connect({ url: url("127.0.0.1"), ssl: { ca: root.ca }, max: 1 });
  const [{ ssl }] = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
  assert.equal(ssl, true);
  await sql.end();
  await assert.rejects(() => connect({ url: url("localhost"), ssl: { ca: root.ca } }), { kind: "tls" });
});

Deno.test("a server without TLS is told from a broken one", async () => {
  await using server = await tlsServer(null);
  const url = `postgres://patch_web@localhost:${server.port}/patch_manager?sslmode=verify-full`;
  await assert.rejects(() => connect({ url, connect_timeout_s: 5 }), (error: DatabaseError) => {
    assert.equal(error.kind, "tls", error.message);
    assert.match(error.message, /does not speak TLS/);
    return true;
  });
});

/** The embedded cluster, started once more on a loopback port; for tests only, its OpenSSL is of 2018. */
async function tlsServer(
  pair: { certificate: string; key: string } | null,
): Promise<AsyncDisposable & { port: number; folder: string }> {
  const own = await testFolder("tls-");
  const folder = own.path;
  const first = await startEmbedded(folder, { durable: false });
  await first.stop();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = free.addr.port;
  free.close();
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}/run`];
  if (pair) {
    for (const [name, text] of [["crt", pair.certificate], ["key", pair.key]]) {
      await Deno.writeTextFile(`${folder}/run/server.${name}`, text, { mode: 0o600 });
      if (WHO) await Deno.chown(`${folder}/run/server.${name}`, WHO.uid, WHO.gid);
    }
    settings.push("ssl=on", `ssl_cert_file=${folder}/run/server.crt`, `ssl_key_file=${folder}/run/server.key`);
  }
  const programs = await unpackPrograms(folder);
  const args = ["-D", `${folder}/data-17`, ...settings.flatMap((setting) => ["-c", setting])];
  const child = asServer(programs.postgres, args, WHO).spawn();
  const words = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream());
  // The port opens before the server lets anybody in.
  await waitFor("the server", async () => {
    const socket = `${folder}/run/.s.PGSQL.${port}`;
    const sql = await connect({ socket, user: "patch_web", database: "patch_manager", max: 1 });
    await sql.end();
    return true;
  });
  return {
    port,
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGINT");
      await child.status;
      await words;
      await own[Symbol.asyncDispose]();
    },
  };
}
