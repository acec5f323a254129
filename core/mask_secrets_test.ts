import assert from "node:assert/strict";
import { createLog } from "./log.ts";
import { maskSecrets } from "./mask_secrets.ts";

const JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
const TOKEN = "Zm9vYmFyYmF6cXV4LWZvb2JhcmJhei1xdXgtZm9vYmE";

const masked: [text: string, expected: string][] = [
  [`Invalid URL: 'https://h:1/ws?ticket=${TOKEN}'`, "Invalid URL: 'https://h:1/ws?•••'"],
  [`wss://h/api/v1/ws/jobs?a=1&ticket=${TOKEN}#x is closed`, "wss://h/api/v1/ws/jobs?••• is closed"],
  ["connect to postgres://patch_web:gehe1m@db/x failed", "connect to postgres://•••@db/x failed"],
  ["postgresql://:gehe1m@/x", "postgresql://•••@/x"],
  [`header authorization: Bearer ${TOKEN} refused`, "header authorization: Bearer ••• refused"],
  ["Basic YWRtaW46Z2VoZWlt", "Basic •••"],
  [`cookie __Host-session=${TOKEN}; theme=dark`, "cookie __Host-session=•••; theme=dark"],
  [`lpm_${TOKEN} is unknown`, "••• is unknown"],
  [`jwt malformed: ${JWT}`, "jwt malformed: •••"],
  [`{"username":"a","password":"gehe1m w"}`, `{"username":"a","password":"•••"}`],
  [`{"new_password": "gehe1m"}`, `{"new_password": "•••"}`],
  ["password=gehe1m&next=/", "password=•••&next=/"],
  ["/path?access_token=gehe1m", "/path?access_token=•••"],
];
for (const [text, expected] of masked) {
  Deno.test(`masked: ${text.slice(0, 40)}`, () => {
    const result = maskSecrets(text);
    for (const secret of [TOKEN, JWT, "gehe1m", "Z2VoZWlt"]) assert.ok(!result.includes(secret), result);
    assert.equal(result, expected);
  });
}

const kept = [
  "",
  "The token is used, expired or not yours.",
  "password: at least 12 characters",
  "no session_id in 01KAH0000000000000000000AA",
  "https://patch.example:8443 answers",
  "Port 8443 is taken by another program. Stop that one, or set server.port.",
  "connect ECONNREFUSED 10.1.2.3:12443",
  "5 tokens = 5 enrolments",
  "what? password or token? both",
  "Basic settings; Bearer of news",
];
for (const text of kept) Deno.test(`kept: ${text.slice(0, 40)}`, () => assert.equal(maskSecrets(text), text));

Deno.test("a hostile text is masked in time that grows with its length", () => {
  const started = performance.now();
  for (const part of ["https://", "a:", "eyJ", "password", "_", "token=", "://:@", '"', "__Host-a"]) {
    maskSecrets(part.repeat(20_000));
  }
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
});

Deno.test("no line of the log holds one, in either form", () => {
  for (const format of ["json", "text"] as const) {
    const lines: string[] = [];
    const log = createLog({ format, level: "debug", write: (line) => lines.push(line) });
    for (const [text] of masked) log.error("test.failed", { message: text, path: text });
    for (const secret of [TOKEN, JWT, "gehe1m"]) assert.ok(!lines.join("\n").includes(secret), lines.join("\n"));
  }
});
