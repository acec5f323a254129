import assert from "node:assert/strict";
import https from "node:https";
import { systemClock } from "../core/clock.ts";
import { openssl, opensslTest } from "../testing/openssl.ts";
import { listening, makeAuthority, makeLeaf, makeManager } from "../testing/tls.ts";
import { clientCheckedTlsOptions, guardListener } from "./listener.ts";
import { createPeerCheck, MANAGER_IDENTITY } from "./peer.ts";

// Tickets of any node:https server resume on every other one in the same isolate (Deno 2.9.6). openssl plays the
// attacker, because the runtime's own client does not let itself be told which ticket to use.

const root = await makeAuthority();
const foreign = await makeAuthority();
const server_pair = await makeLeaf(root, { addresses: ["127.0.0.1"] });

/** A listener for the manager. Without guard it is what the runtime alone makes of the same options. */
async function listener(with_guard: boolean) {
  const served: string[] = [];
  const refused: string[] = [];
  const options = clientCheckedTlsOptions({ ca: root.ca, ...server_pair });
  const server = https.createServer(options, (request, response) => {
    served.push(request.url!);
    response.end("secret");
  });
  const check = createPeerCheck({ ca: root.ca, identity: MANAGER_IDENTITY, revoked: new Set(), clock: systemClock });
  if (with_guard) {
    guardListener(server, { check: () => check, allowed: null, on_refused: (why) => refused.push(why) });
  }
  const at = await listening(server);
  return { port: at.port, served, refused, [Symbol.asyncDispose]: at[Symbol.asyncDispose] };
}

/** A server beside it, which hands out tickets. */
function neighbour(other: https.ServerOptions) {
  const options = { cert: server_pair.certificate, key: server_pair.key, minVersion: "TLSv1.3" as const, ...other };
  return listening(https.createServer(options, (_request, response) => void response.end("neighbour")));
}

const ask = (port: number, ...args: string[]) =>
  openssl(
    ["s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3", "-ign_eof", ...args],
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
  );

const attacks = [
  {
    name: "asks nobody for a certificate",
    why: "not_authorized",
    other: {},
    certificate: () => Promise.resolve(null),
  },
  {
    name: "trusts another root",
    why: "untrusted_issuer",
    other: { ca: foreign.ca, requestCert: true, rejectUnauthorized: true },
    certificate: () => makeManager(foreign),
  },
];
for (const { name, why, other, certificate } of attacks) {
  opensslTest(`a ticket of a server in the same isolate that ${name} opens nothing`, async () => {
    const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "resumption-" });
    try {
      const pair = await certificate();
      const shown = pair === null ? [] : ["-cert", `${folder}/pair.pem`];
      if (pair) await Deno.writeTextFile(`${folder}/pair.pem`, pair.certificate + pair.key);
      await using beside = await neighbour(other);
      await using bare = await listener(false);
      await using guarded = await listener(true);

      const first = await ask(beside.port, "-sess_out", `${folder}/ticket`, ...shown);
      assert.match(first.text, /neighbour/);
      const resume = (port: number) => ask(port, "-sess_in", `${folder}/ticket`, ...shown);
      // This is what the guard is for. Should a later runtime close the hole, this line says so.
      assert.match((await resume(bare.port)).text, /Reused, [^]*secret/);

      const again = await ask(beside.port, "-sess_out", `${folder}/ticket`, ...shown);
      assert.match(again.text, /neighbour/);
      assert.doesNotMatch((await resume(guarded.port)).text, /secret/);
      assert.deepEqual(guarded.served, []);
      assert.deepEqual(guarded.refused, [why]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
