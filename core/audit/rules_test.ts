import assert from "node:assert/strict";
import { auditHash, auditPayload, MAX_DETAIL_BYTES, MAX_LIST_ITEMS } from "./rules.ts";
import type { AuditEntry } from "./types.ts";

const entry: AuditEntry = {
  actor: { kind: "user", id: "u1", name: "alice" },
  address: "192.0.2.1",
  request_id: "01JD0000000000000000000000",
  action: "host.create",
  object: { kind: "host", id: "h1", name: "web-01.example.com" },
  outcome: "success",
  details: { address: "192.0.2.7" },
};

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

Deno.test("the payload is frozen: version 1, byte by byte", async () => {
  const payload = await auditPayload(entry, "2026-11-20T10:00:00.000Z");
  assert.equal(
    new TextDecoder().decode(payload),
    '{"action":"host.create","actor":{"id":"u1","kind":"user","name":"alice"},"address":"192.0.2.1",' +
      '"details":{"address":"192.0.2.7"},"object":{"id":"h1","kind":"host","name":"web-01.example.com"},' +
      '"outcome":"success","request_id":"01JD0000000000000000000000","time":"2026-11-20T10:00:00.000Z"}',
  );
  // A change of this figure means that rows already written no longer verify.
  assert.equal(
    (await auditHash(1, new Uint8Array(32), payload)).toHex(),
    "f8d832864e2a09c9b1352a812dd962cdf122a127e2298142028fbcee7b9804f3",
  );
});

Deno.test("the hash depends on number, row before and payload", async () => {
  const payload = await auditPayload(entry, "2026-11-20T10:00:00.000Z");
  const zero = new Uint8Array(32);
  const other = payload.slice();
  other[10] ^= 1;
  const hashes = await Promise.all([
    auditHash(1, zero, payload),
    auditHash(2, zero, payload),
    auditHash(1, zero.with(0, 1), payload),
    auditHash(1, zero, other),
  ]);
  assert.equal(new Set(hashes.map((hash) => hash.toHex())).size, 4);
});

for (
  const details of [
    { password: "x" },
    { new_password: "x" },
    { deep: [{ session_token: "x" }] },
    { client_secret: "x" },
    { private_key: "x" },
    { Authorization: "x" },
    { api_key: "x" },
    { cookie: "x" },
  ]
) {
  Deno.test(`details that could hold a secret are refused: ${JSON.stringify(details)}`, async () => {
    await assert.rejects(() => auditPayload({ ...entry, details }, "2026-11-20T10:00:00.000Z"), TypeError);
  });
}

Deno.test("a long list becomes its first items, its count and its hash", async () => {
  const hosts = Array.from({ length: 2500 }, (_, i) => `host-${i}`);
  const { details } = decode(await auditPayload({ ...entry, details: { hosts } }, "2026-11-20T10:00:00.000Z"));
  assert.equal(details.hosts.count, 2500);
  assert.equal(details.hosts.first.length, MAX_LIST_ITEMS);
  assert.match(details.hosts.sha256, /^[0-9a-f]{64}$/);
});

Deno.test("details over the limit become size and hash, and the row stays within 16 KB", async () => {
  const big = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, "ä".repeat(100)]));
  const payload = await auditPayload({ ...entry, details: big }, "2026-11-20T10:00:00.000Z");
  assert.equal(decode(payload).details.too_long, true);
  assert.ok(decode(payload).details.bytes > MAX_DETAIL_BYTES);
  assert.ok(payload.length < 16_384);
});

Deno.test("words of a hostile host cannot break the chain: NUL and lone surrogates are replaced", async () => {
  const details = { reason: "a\u0000b\ud800c", ["k\u0000"]: 1 };
  const decoded = decode(await auditPayload({ ...entry, details }, "2026-11-20T10:00:00.000Z"));
  assert.deepEqual(decoded.details, { reason: "a\ufffdb\ufffdc", "k\ufffd": 1 });
});

Deno.test("names without end from a host do not push out which hosts a job was for", async () => {
  const hosts = Array.from({ length: 12 }, (_, n) => `host-${n}`);
  const patches = Array.from({ length: 400 }, (_, n) => `${n}${"x".repeat(250)} ${"1".repeat(256)}`);
  const payload = await auditPayload(
    { actor: { kind: "system" }, action: "job.create", outcome: "success", details: { hosts, patches, kind: "apply" } },
    "2026-11-20T10:00:00.000Z",
  );
  const { details } = JSON.parse(new TextDecoder().decode(payload));
  assert.equal(details.kind, "apply");
  assert.equal(details.patches.count, 400);
  assert.match(details.patches.sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual([details.hosts.first, details.hosts.count], [hosts.slice(0, 5), 12]);
  assert.ok(payload.length < 16_384);
});
