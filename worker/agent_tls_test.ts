import assert from "node:assert/strict";
import { createServer as createTlsServer } from "node:tls";
import { x509 } from "../core/ca/x509.ts";
import {
  agentServer,
  client_options,
  envelope,
  failure,
  get,
  good,
  host,
  root,
  say,
} from "../testing/agent_listener.ts";
import {
  daysFromNow,
  listening,
  makeAuthority,
  makeLeaf,
  makeManager,
  makeOdd,
  type TestPair,
} from "../testing/tls.ts";
import { createAgentClient } from "./agent_client.ts";

const foreign = await makeAuthority();

const certificates: {
  name: string;
  pair: () => Promise<Pick<TestPair, "certificate" | "key">>;
  tls_name?: string;
  words: RegExp;
}[] = [
  {
    name: "of another root with the same name",
    pair: () => makeLeaf(foreign, { addresses: ["127.0.0.1"] }),
    words: /^Certificate was not issued by this manager's certificate authority\. Enrol the host again/,
  },
  {
    name: "expired 3 days ago",
    pair: () => makeLeaf(root, { addresses: ["127.0.0.1"] }, daysFromNow(-93.5)),
    words: /^Certificate expired 3 days ago\. Remove the host and enrol it again: patch-agent enrol\.$/,
  },
  {
    name: "valid from tomorrow on",
    pair: () => makeLeaf(root, { addresses: ["127.0.0.1"] }, daysFromNow(2)),
    words: /^Certificate is not valid for another 1 day\. Check the clocks/,
  },
  {
    name: "for a client",
    pair: () => makeManager(root),
    words: /^Certificate is not made for a server\./,
  },
  {
    name: "for another name",
    pair: () => makeLeaf(root, { dns: ["web-02.example.com"] }),
    tls_name: "web-01.example.com",
    words: /^TLS name mismatch: the certificate is for web-02\.example\.com, not web-01\.example\.com\.$/,
  },
  {
    name: "for another address",
    pair: () => makeLeaf(root, { addresses: ["127.0.0.2"] }),
    words: /^TLS name mismatch: the certificate is for 127\.0\.0\.2, not 127\.0\.0\.1\.$/,
  },
  {
    name: "with the name only as common name",
    pair: () =>
      makeOdd(root, "web-01.example.com", [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ]),
    tls_name: "web-01.example.com",
    words: /^TLS name mismatch: the certificate names no host/,
  },
];

for (const { name, pair, tls_name, words } of certificates) {
  Deno.test(`a host's certificate ${name} is refused in words`, async () => {
    let served = 0;
    await using agent = await agentServer((_request, response) => void (served++, response.end()), await pair());
    const error = await failure(createAgentClient(client_options).request(host(agent.port, tls_name), get));
    assert.equal(error.kind, "tls", error.message);
    assert.match(error.message, words);
    assert.equal(served, 0);
  });
}

Deno.test("a revoked host is refused, and from the moment of its revocation", async () => {
  await using agent = await agentServer(say(envelope({ word: "yes" })));
  const revoked = new Set<string>();
  const client = createAgentClient({ ...client_options, revoked });
  await client.request(host(agent.port), get);
  revoked.add(good.serial);
  const error = await failure(client.request(host(agent.port), get));
  assert.equal(error.kind, "revoked");
  assert.match(error.message, /^The host's certificate was revoked\./);
});

const not_trusted = /closed the connection without an answer\. Does it trust this manager's certificate/;
const clients: { name: string; pair: () => Promise<TestPair>; kind: string; words: RegExp }[] = [
  { name: "of another root", pair: () => makeManager(foreign), kind: "closed", words: not_trusted },
  {
    name: "of a server",
    pair: () => makeLeaf(root, { addresses: ["127.0.0.1"] }),
    kind: "closed",
    words: not_trusted,
  },
  {
    name: "that expired",
    pair: () => makeManager(root, daysFromNow(-93.5)),
    kind: "tls",
    words: /^This manager's own client certificate expired 3 days ago\./,
  },
];
for (const { name, pair, kind, words } of clients) {
  Deno.test(`our own certificate ${name} gets no answer, and words about it`, async () => {
    const { certificate, key } = await pair();
    let served = 0;
    await using agent = await agentServer((_request, response) => void (served++, response.end()));
    const client = createAgentClient({ ...client_options, client_cert: certificate, client_key: key });
    const error = await failure(client.request(host(agent.port), get));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, words);
    assert.equal(served, 0);
  });
}

Deno.test("a host that speaks only TLS 1.2 is refused", async () => {
  await using agent = await listening(
    createTlsServer({ cert: good.certificate, key: good.key, maxVersion: "TLSv1.2" }, (socket) => socket.destroy()),
  );
  const error = await failure(createAgentClient(client_options).request(host(agent.port), get));
  assert.equal(error.kind, "tls", error.message);
  assert.match(error.message, /does not speak TLS 1\.3/);
});
