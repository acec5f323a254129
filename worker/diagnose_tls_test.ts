import assert from "node:assert/strict";
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { x509 } from "../core/ca/x509.ts";
import { systemClock } from "../core/clock.ts";
import { daysFromNow, listening, makeAuthority, makeLeaf, makeManager, makeOdd } from "../testing/tls.ts";
import { age, certificateProblems, certificateWords, fetchCertificate } from "./diagnose_tls.ts";

const root = await makeAuthority(daysFromNow(-200));
const expected = { ca: root.ca, name: "web-01.example.com", clock: systemClock };
const der = (pem: string) => new Uint8Array(new x509.X509Certificate(pem).rawData);
const server_purpose = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]);

const cases: { name: string; certificate: () => Promise<{ certificate: string }>; kinds: string[] }[] = [
  { name: "good", certificate: () => makeLeaf(root, { dns: ["web-01.example.com"] }), kinds: [] },
  {
    name: "of another root with the same name",
    certificate: async () => makeLeaf(await makeAuthority(), { dns: ["web-01.example.com"] }),
    kinds: ["untrusted_issuer"],
  },
  {
    name: "expired and for another name",
    certificate: () => makeLeaf(root, { dns: ["web-02.example.com"] }, daysFromNow(-100)),
    kinds: ["expired", "name_mismatch"],
  },
  {
    name: "of the future",
    certificate: () => makeLeaf(root, { dns: ["web-01.example.com"] }, daysFromNow(2)),
    kinds: ["not_yet_valid"],
  },
  { name: "of the manager", certificate: () => makeManager(root), kinds: ["wrong_purpose", "name_mismatch"] },
  {
    name: "with a common name only",
    certificate: () => makeOdd(root, "web-01.example.com", [server_purpose]),
    kinds: ["name_mismatch"],
  },
  {
    name: "for the address instead of the name",
    certificate: () => makeLeaf(root, { addresses: ["127.0.0.1"] }),
    kinds: ["name_mismatch"],
  },
];
for (const { name, certificate, kinds } of cases) {
  Deno.test(`a certificate ${name} has the problems ${kinds.join(", ") || "none"}`, async () => {
    const problems = certificateProblems(der((await certificate()).certificate), expected);
    assert.deepEqual(problems.map((problem) => problem.kind), kinds);
    for (const problem of problems) assert.match(certificateWords(problem, expected), /^[A-Z].*\.$/);
  });
}

Deno.test("names out of a stranger's certificate are cut and cannot steer a terminal", async () => {
  const names = ["\u001b[2Jevil.example", "a".repeat(500), "b.example", "c.example", "d.example"];
  const odd = await makeOdd(root, "x", [
    server_purpose,
    new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value }))),
  ]);
  const [problem] = certificateProblems(der(odd.certificate), expected);
  const words = certificateWords(problem, expected);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(words, /[\u0000-\u001f]/);
  assert.match(words, /: the certificate is for \?\?2Jevil\.example, a{100}, b\.example and 2 more, not web-01/);
  assert.ok(words.length < 400);
});

for (
  const [ms, words] of [
    [0, "less than a minute"],
    [59_999, "less than a minute"],
    [60_000, "1 minute"],
    [3_599_999, "59 minutes"],
    [3_600_000, "1 hour"],
    [86_399_999, "23 hours"],
    [86_400_000, "1 day"],
    [3.9 * 86_400_000, "3 days"],
    [400 * 86_400_000, "400 days"],
  ] as const
) Deno.test(`${ms} ms is ${words}`, () => assert.equal(age(ms), words));

Deno.test("the look at a certificate shows no key of ours and sends nothing", async () => {
  const pair = await makeLeaf(root, { dns: ["web-02.example.com"] }, daysFromNow(-100));
  const seen: { sent: number; certificate: boolean }[] = [];
  const closed = Promise.withResolvers<void>();
  await using server = await listening(
    createTlsServer(
      { cert: pair.certificate, key: pair.key, ca: root.ca, requestCert: true, rejectUnauthorized: false },
      (socket) => {
        const entry = { sent: 0, certificate: Boolean(socket.getPeerCertificate()?.raw) };
        seen.push(entry);
        socket.on("data", (chunk) => entry.sent += chunk.length);
        socket.on("error", () => {});
        socket.on("close", () => closed.resolve());
      },
    ),
  );
  const raw = await fetchCertificate("127.0.0.1", server.port, "web-01.example.com", 2_000);
  await closed.promise;
  assert.deepEqual(new Uint8Array(raw!), der(pair.certificate));
  assert.deepEqual(seen, [{ sent: 0, certificate: false }]);
});

Deno.test("a silent or talking port without TLS shows no certificate", async () => {
  await using silent = await listening(createTcpServer(() => {}));
  assert.equal(await fetchCertificate("127.0.0.1", silent.port, "a.example", 100), null);
  await using talking = await listening(createTcpServer((socket) => socket.end("220 mail\r\n")));
  assert.equal(await fetchCertificate("127.0.0.1", talking.port, "a.example", 2_000), null);
});
