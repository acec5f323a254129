import assert from "node:assert/strict";
import { explainFailure } from "./failures.ts";
import { explainRefresh, readRepositories } from "./refresh_report.ts";

const good = "Hit:1 http://deb.example.com/debian trixie InRelease\n" +
  "Get:2 http://deb.example.com/debian trixie-updates InRelease [47.3 kB]\n" +
  "Get:3 http://deb.example.com/debian trixie-updates/main amd64 Packages [1200 B]\n";

/** Recorded from apt 2.6 (gpgv, GnuTLS) and, where it differs, written after apt 3.0 (sqv, OpenSSL). */
const cases: [what: string, output: string, code: string, words: RegExp][] = [
  [
    "sqv misses a key",
    "Get:4 https://x.example.com stable InRelease [4 kB]\nErr:4 https://x.example.com stable InRelease\n" +
    "  Sub-process /usr/bin/sqv returned an error code (1), error message is: Missing key 0E98404D386FA1D9FFFF, which is needed to verify signature.\n" +
    "W: OpenPGP signature verification failed: https://x.example.com stable InRelease: Missing key 0E98404D386FA1D9FFFF\n" +
    "E: The repository 'https://x.example.com stable InRelease' is not signed.\n",
    "GPG_ERROR",
    /^https:\/\/x\.example\.com stable: .*NO_PUBKEY 0E98404D386FA1D9FFFF.* 2 of 3 repositories are fresh\.$/,
  ],
  [
    "a key that was revoked",
    "Err:4 https://x.example.com stable InRelease\n  The following signatures were invalid: REVKEYSIG 0E98404D386FA1D9\n",
    "GPG_ERROR",
    /was revoked/,
  ],
  [
    "OpenSSL does not trust a certificate",
    "Err:4 https://x.example.com stable InRelease\n  SSL connection failed: error:0A000086:SSL routines::certificate verify failed [IP: 192.0.2.1 443]\n",
    "NETWORK_ERROR",
    /TLS certificate is not accepted/,
  ],
  [
    "a proxy that wants a password",
    "Err:4 http://x.example.com stable InRelease\n  407  Proxy Authentication Required [IP: 192.0.2.9 3128]\n",
    "NETWORK_ERROR",
    /proxy does not let it through: 407/,
  ],
  [
    "a proxy that forbids the tunnel",
    "Err:4 https://x.example.com stable InRelease\n  Invalid response from proxy: HTTP/1.1 403 Forbidden     [IP: 192.0.2.9 3128]\n",
    "NETWORK_ERROR",
    /proxy does not let it through: Invalid response/,
  ],
  [
    "a server that is overloaded",
    "Err:4 http://x.example.com stable InRelease\n  503  Service Unavailable [IP: 192.0.2.9 80]\n",
    "NETWORK_ERROR",
    /server refuses: 503 {2}Service Unavailable/,
  ],
  [
    "a server that forbids",
    "Err:4 http://x.example.com stable InRelease\n  403  Forbidden [IP: 192.0.2.9 80]\n",
    "NETWORK_ERROR",
    /server refuses: 403/,
  ],
  [
    "a login page",
    "Err:4 http://x.example.com stable InRelease\n  Clearsigned file isn't valid, got 'NOSPLIT' (does the network require authentication?)\n",
    "NETWORK_ERROR",
    /network that asks for a login/,
  ],
  [
    "an old release that moved",
    "Ign:4 http://x.example.com stable InRelease\nErr:5 http://x.example.com stable Release\n  404  Not Found [IP: 192.0.2.9 80]\n" +
    "E: The repository 'http://x.example.com stable Release' does not have a Release file.\n",
    "NETWORK_ERROR",
    /does not have a Release file: the suite does not exist .*archive server/,
  ],
  [
    "what nobody has seen before",
    "Err:4 http://x.example.com stable InRelease\n  The moon is in the way\n",
    "CACHE_REFRESH_ERROR",
    /moon is in the way/,
  ],
];
for (const [what, output, code, words] of cases) {
  Deno.test(`refresh: ${what}`, () => {
    const failure = explainFailure(good + output, "refresh");
    assert.equal(failure.code, code, failure.words);
    assert.match(failure.words, words);
    assert.match(failure.words, /2 of 3 repositories are fresh/);
  });
}

Deno.test("refresh: repositories of one name's beginning are not taken for each other", () => {
  const output = good + "Err:2 http://deb.example.com/debian trixie-updates InRelease\n  503  Busy\n" +
    "E: Failed to fetch http://deb.example.com/debian/dists/trixie-updates/InRelease  503  Busy\n";
  assert.deepEqual(readRepositories(output).map(({ name, failure }) => [name, failure?.code ?? "fresh"]), [
    ["http://deb.example.com/debian trixie", "fresh"],
    ["http://deb.example.com/debian trixie-updates", "NETWORK_ERROR"],
  ]);
});

Deno.test("refresh: a misspelt component and a good refresh are no failures", () => {
  const warning = "W: Skipping acquire of configured file 'nosuch/binary-all/Packages' as repository " +
    "'http://deb.example.com/debian trixie InRelease' doesn't have the component 'nosuch'\n";
  assert.equal(explainRefresh(good + warning), null);
  assert.equal(explainRefresh(""), null);
});

Deno.test("refresh: one cause for many is told once; many causes have an end", () => {
  const line = (index: number, words: string) =>
    `Err:${index} http://m.example.com s${index} InRelease\n  Could not resolve '${words}'\n`;
  const same = Array.from({ length: 12 }, (_, index) => line(index, "m.example.com")).join("");
  const { words } = explainRefresh(same)!;
  assert.equal(words.match(/cannot be reached/g)!.length, 1);
  assert.match(words, /s2 and 9 more: .*No repository could be refreshed\.$/);
  const many = Array.from({ length: 12 }, (_, index) => line(index, `m${index}`)).join("");
  const all = explainRefresh(many)!.words;
  assert.equal(all.match(/cannot be reached/g)!.length, 3);
  assert.match(all, /Further reasons: 9\./);
});

Deno.test("refresh: the clock is to blame although another repository failed first", () => {
  const failure = explainRefresh(
    "Err:1 http://a.example.com s InRelease\n  Could not resolve 'a.example.com'\nGet:2 http://b.example.com s InRelease\n" +
      "E: Release file for http://b.example.com/dists/s/InRelease is not valid yet (invalid for another 20089d). Updates for this repository will not be applied.\n",
  )!;
  assert.equal(failure.clock, true);
  assert.match(failure.words, /valid in 20089d/);
});

Deno.test("an apply's numbers are not taken for answers of a server", () => {
  const output = "Get:1 http://x s/main amd64 a 1 [407 kB]\nFetched 503 kB in 0s\n" +
    "dpkg: error processing package a (--configure):\n installed a package post-installation script subprocess returned error exit status 1\n";
  const failure = explainFailure(output, "apply");
  assert.match(failure.words, /^a: installed a package/);
});
