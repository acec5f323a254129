import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { type CryptoKey, exportSPKI, generateKeyPair, importJWK, SignJWT } from "jose";
import { testDatabase } from "../../testing/database.ts";
import { sessionScene } from "../../testing/session_scene.ts";
import type { TestDatabase } from "../../testing/database.ts";
import { silentLog } from "../log.ts";
import { AccessTokens } from "./access_tokens.ts";
import { type SigningKey, SigningKeys } from "./signing_keys.ts";

async function bed(database: TestDatabase) {
  const scene = await sessionScene(database);
  const keys = new SigningKeys({ sql: database.web, sealer: scene.sealer, clock: scene.clock, log: silentLog });
  return { ...scene, keys, tokens: new AccessTokens(keys, scene.clock) };
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
// deno-lint-ignore no-explicit-any -- whatever a token says
const read = (token: string, index: number): any =>
  JSON.parse(Buffer.from(token.split(".")[index], "base64url").toString());

Deno.test("a token carries the viewer, for fifteen minutes, and holds no secret", async () => {
  await using database = await testDatabase();
  const { clock, open, tokens, keys } = await bed(database);
  const opened = await open();
  const { token, expires_in } = await tokens.issue(opened);
  assert.equal(expires_in, 900);
  assert.ok(token.length < 900, `${token.length} characters go with every request`);
  assert.deepEqual(read(token, 0), { alg: "EdDSA", typ: "at+jwt", kid: (await keys.signing()).kid });
  assert.ok(!Buffer.from(token.split(".")[1], "base64url").toString().includes(opened.token));
  const proof = await tokens.check(token);
  assert.deepEqual(proof.viewer, { ...opened.viewer, authenticated_at: clock.now() });
  clock.advance({ minutes: 14, seconds: 59 });
  assert.ok((await tokens.check(token)).viewer);
  clock.advance({ seconds: 1 });
  assert.deepEqual(await tokens.check(token), { viewer: null, why: "ERR_JWT_EXPIRED" });
});

Deno.test("a token never outlives its session", async () => {
  await using database = await testDatabase();
  const { clock, open, tokens } = await bed(database);
  const opened = await open();
  const in_minutes = (minutes: number) => clock.now().add({ minutes });
  for (const [idle, end, seconds] of [[5, 600, 300], [60, 3, 180], [60, 600, 900], [0, 600, 0], [60, -5, 0]]) {
    const session = { ...opened, idle_until: in_minutes(idle), expires_at: in_minutes(end) };
    const { token, expires_in } = await tokens.issue(session);
    assert.equal(expires_in, seconds);
    if (seconds === 0) assert.equal((await tokens.check(token)).viewer, null);
  }
});

Deno.test("names of any script and of full length come through, and still fit a cookie", async () => {
  await using database = await testDatabase();
  const { open, tokens } = await bed(database);
  const opened = await open();
  const viewer = { ...opened.viewer, username: "ж".repeat(64), display_name: '"\u202e漢'.repeat(66) };
  const { token } = await tokens.issue({ ...opened, viewer });
  assert.ok(token.length < 3_500, `${token.length}`);
  assert.equal((await tokens.check(token)).viewer?.display_name, viewer.display_name);
});

interface Scene {
  good: string;
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  key: SigningKey;
  stranger: CryptoKey;
}
const sign = (
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
  key: CryptoKey,
): Promise<string> => new SignJWT(claims).setProtectedHeader(header as never).sign(key);
const changed = (token: string, index: number, change: Record<string, unknown>): string =>
  token.split(".").map((text, n) => n === index ? part({ ...read(token, n), ...change }) : text).join(".");

/** What somebody tries, and the one reason for which it has to fail: another one would hide that it is not looked at. */
const attacks: [name: string, make: (scene: Scene) => string | Promise<string>, why: string][] = [
  [
    "alg none",
    ({ claims, header }) => `${part({ ...header, alg: "none" })}.${part(claims)}.`,
    "ERR_JOSE_ALG_NOT_ALLOWED",
  ],
  [
    "alg None, with the good signature",
    ({ good }) => changed(good, 0, { alg: "None" }),
    "ERR_JOSE_ALG_NOT_ALLOWED",
  ],
  ["HS256 with the public key as secret", async ({ claims, header, key }) => {
    const body = `${part({ ...header, alg: "HS256" })}.${part(claims)}`;
    const secret = await exportSPKI(key.public_key).catch(() => JSON.stringify(key.kid));
    return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
  }, "ERR_JOSE_ALG_NOT_ALLOWED"],
  ["the algorithm's other name", ({ good }) => changed(good, 0, { alg: "Ed25519" }), "ERR_JOSE_ALG_NOT_ALLOWED"],
  ["ES256", async ({ claims, header }) => {
    const { privateKey } = await generateKeyPair("ES256");
    return await sign(claims, { ...header, alg: "ES256" }, privateKey);
  }, "ERR_JOSE_ALG_NOT_ALLOWED"],
  [
    "no kid",
    ({ claims, key }) => sign(claims, { alg: "EdDSA", typ: "at+jwt" }, key.private_key),
    "ERR_JWKS_NO_MATCHING_KEY",
  ],
  [
    "an unknown kid, its own key",
    ({ claims, header, stranger }) => sign(claims, { ...header, kid: "A".repeat(43) }, stranger),
    "ERR_JWKS_NO_MATCHING_KEY",
  ],
  [
    "a kid that is a path",
    ({ claims, header, stranger }) => sign(claims, { ...header, kid: "../../../dev/null" }, stranger),
    "ERR_JWKS_NO_MATCHING_KEY",
  ],
  [
    "our kid, another key",
    ({ claims, header, stranger }) => sign(claims, header, stranger),
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  ],
  [
    "a key that it brings along",
    ({ claims, header, stranger }) =>
      sign(claims, { ...header, jwk: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } }, stranger),
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  ],
  [
    "a header that must be understood",
    ({ claims, header, key }) => sign(claims, { ...header, crit: ["exp"], exp: 1 }, key.private_key).catch(() => ""),
    "ERR_JWS_INVALID",
  ],
  [
    "another role, signature as it was",
    ({ good }) => changed(good, 1, { role: "admin" }),
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  ],
  ["one bit of the signature", ({ good }) => {
    const bytes = Buffer.from(good.split(".")[2], "base64url");
    bytes[10] ^= 1;
    return [...good.split(".").slice(0, 2), bytes.toString("base64url")].join(".");
  }, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
  ["no signature", ({ good }) => good.split(".").slice(0, 2).join(".") + ".", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
  ["two parts", ({ good }) => good.split(".").slice(0, 2).join("."), "ERR_JWS_INVALID"],
  ["no token", () => "", "ERR_JWS_INVALID"],
  ["an encrypted one", () => "a.b.c.d.e", "ERR_JWS_INVALID"],
  ["far too long", () => "a".repeat(100_000), "too_long"],
  ["expired", ({ claims, header, key }) => signed({ claims, header, key }, { exp: at(claims, -1) }), "ERR_JWT_EXPIRED"],
  [
    "good for a year",
    ({ claims, header, key }) =>
      signed({ claims, header, key }, { iat: at(claims, -901), exp: at(claims, 31_536_000) }),
    "ERR_JWT_EXPIRED",
  ],
  [
    "not yet valid",
    ({ claims, header, key }) => signed({ claims, header, key }, { nbf: at(claims, 1) }),
    "ERR_JWT_CLAIM_VALIDATION_FAILED",
  ],
  [
    "issued in the future",
    ({ claims, header, key }) => signed({ claims, header, key }, { iat: at(claims, 60) }),
    "ERR_JWT_CLAIM_VALIDATION_FAILED",
  ],
  ["another issuer", (scene) => signed(scene, { iss: "https://evil.example" }), "ERR_JWT_CLAIM_VALIDATION_FAILED"],
  [
    "another audience",
    (scene) => signed(scene, { aud: "urn:linux-patch-manager:else" }),
    "ERR_JWT_CLAIM_VALIDATION_FAILED",
  ],
  ["several audiences", (scene) => signed(scene, { aud: ["urn:linux-patch-manager:web", "x"] }), "claims"],
  [
    "another typ",
    ({ claims, header, key }) => sign(claims, { ...header, typ: "JWT" }, key.private_key),
    "ERR_JWT_CLAIM_VALIDATION_FAILED",
  ],
  [
    "no typ",
    ({ claims, header, key }) => sign(claims, { alg: header.alg, kid: header.kid }, key.private_key),
    "ERR_JWT_CLAIM_VALIDATION_FAILED",
  ],
  ["no expiry", (scene) => signed(scene, { exp: undefined }), "ERR_JWT_CLAIM_VALIDATION_FAILED"],
  ["no session", (scene) => signed(scene, { sid: undefined }), "claims"],
  ["a session that is no id", (scene) => signed(scene, { sid: "' or 1=1" }), "claims"],
  ["a role that does not exist", (scene) => signed(scene, { role: "root" }), "claims"],
  ["a claim too many", (scene) => signed(scene, { scopes: ["*"] }), "claims"],
];

const at = (claims: Record<string, unknown>, seconds: number) => claims.iat as number + seconds;
const signed = (
  { claims, header, key }: Pick<Scene, "claims" | "header" | "key">,
  change: Record<string, unknown>,
) => sign({ ...claims, ...change }, header, key.private_key);

Deno.test("what is not our token, word for word, proves nothing", async (t) => {
  await using database = await testDatabase();
  const { open, tokens, keys } = await bed(database);
  const { token: good } = await tokens.issue(await open());
  const key = await keys.signing();
  const { privateKey: stranger } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const scene: Scene = { good, header: read(good, 0), claims: read(good, 1), key, stranger };
  assert.ok((await tokens.check(await signed(scene, {}))).viewer, "the way in which they are made gives a good one");
  for (const [name, make, why] of attacks) {
    await t.step(name, async () => {
      assert.deepEqual(await tokens.check(await make(scene)), { viewer: null, why });
    });
  }
});

Deno.test("a token of a key that verifies no more is no good, whatever it says", async () => {
  await using database = await testDatabase();
  const { clock, open, tokens, keys } = await bed(database);
  const key = await keys.signing();
  clock.set(key.verifies_until.subtract({ minutes: 5 }));
  const claims = read((await tokens.issue(await open())).token, 1);
  const token = await sign(claims, { alg: "EdDSA", typ: "at+jwt", kid: key.kid }, key.private_key);
  assert.ok((await tokens.check(token)).viewer, "until then it is");
  clock.advance({ minutes: 5 });
  assert.deepEqual(await tokens.check(token), { viewer: null, why: "ERR_JWKS_NO_MATCHING_KEY" });
});

Deno.test("the public half that counts is the sealed one: whoever writes to the database signs nothing", async () => {
  await using database = await testDatabase();
  const { clock, sealer, open, tokens } = await bed(database);
  const { token } = await tokens.issue(await open());
  const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  await database.sql`update signing_keys set public_jwk = ${database.sql.json({ kty: "OKP", crv: "Ed25519", x })}`;
  const d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
  const theirs = await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA") as CryptoKey;
  const forged = await sign(read(token, 1), read(token, 0), theirs);
  const fresh = new SigningKeys({ sql: database.web, sealer, clock, log: silentLog });
  const after = new AccessTokens(fresh, clock);
  assert.ok((await after.check(token)).viewer);
  assert.deepEqual(await after.check(forged), { viewer: null, why: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
});

Deno.test("two thousand tokens that are wrong in one character", async () => {
  await using database = await testDatabase();
  const { open, tokens } = await bed(database);
  const { token } = await tokens.issue(await open());
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  let seed = 7;
  const random = (below: number) => (seed = seed * 48271 % 2147483647) % below;
  for (let n = 0; n < 2_000; n++) {
    const place = random(token.length - 2);
    const wrong = token.slice(0, place) + alphabet[random(alphabet.length)] + token.slice(place + 1);
    if (wrong === token) continue;
    assert.equal((await tokens.check(wrong)).viewer, null, `at ${place}`);
  }
});
