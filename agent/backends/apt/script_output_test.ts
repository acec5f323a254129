import assert from "node:assert/strict";
import { scriptOutput } from "./script_output.ts";

const configure = `Setting up lumen-utils (2.38.1-6) ...
lumen-utils: fine
Setting up osprey-agent (4.2.1-1) ...
osprey-agent: looking at the queue
osprey-agent: cannot migrate the queue
dpkg: error processing package osprey-agent (--configure):
 installed osprey-agent package post-installation script subprocess returned error exit status 1
Setting up curlew:amd64 (7.88.1-11) ...
Errors were encountered while processing:
 osprey-agent
`;
const unpack = `Preparing to unpack .../1-curlew_9.0-1_all.deb ...
curlew: no
dpkg: error processing archive /var/cache/apt/archives/curlew_9.0-1_all.deb (--unpack):
 new curlew package pre-installation script subprocess returned error exit status 1
Preparing to unpack .../libx_1%3a2.0-1_amd64.deb ...
libx: not on this machine
dpkg: error processing archive /tmp/apt-dpkg-install-Xy/00-libx_1%3a2.0-1_amd64.deb (--unpack):
 conflict
`;

const cases: [what: string, output: string, name: string, expected: string | null][] = [
  [
    "two lines of a script",
    configure,
    "osprey-agent",
    "osprey-agent: looking at the queue\nosprey-agent: cannot migrate the queue",
  ],
  ["one that worked", configure, "lumen-utils", null],
  ["one that was never there", configure, "osprey", null],
  ["a name that begins another", configure, "osprey-agent-extra", null],
  ["before unpacking", unpack, "curlew", "curlew: no"],
  ["an archive in apt's own folder, with an epoch", unpack, "libx", "libx: not on this machine"],
  [
    "a foreign architecture",
    configure.replaceAll("osprey-agent (", "osprey-agent:i386 ("),
    "osprey-agent:i386",
    "osprey-agent: looking at the queue\nosprey-agent: cannot migrate the queue",
  ],
  [
    "the last try counts",
    configure + configure.replace("cannot migrate", "still cannot migrate"),
    "osprey-agent",
    "osprey-agent: looking at the queue\nosprey-agent: still cannot migrate the queue",
  ],
  [
    "a script that said nothing",
    "Setting up a1 (1) ...\ndpkg: error processing package a1 (--configure):\n",
    "a1",
    null,
  ],
  ["an error without a beginning", "dpkg: error processing package a1 (--configure):\n", "a1", null],
  ["a removal", "Removing a1 (1) ...\na1: busy\ndpkg: error processing package a1 (--remove):\n", "a1", "a1: busy"],
  [
    "a trigger",
    "Processing triggers for a1 (1) ...\nmkinitramfs: full\ndpkg: error processing package a1 (--configure):\n",
    "a1",
    "mkinitramfs: full",
  ],
  ["nothing", "", "a1", null],
];

for (const [what, output, name, expected] of cases) {
  Deno.test(`last words of a script: ${what}`, () => assert.equal(scriptOutput(output, name), expected));
}

Deno.test("last words of a script: at most 4096 characters, the last ones", () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `line ${index}`).join("\n");
  const text = scriptOutput(
    `Setting up a1 (1) ...\n${lines}\ndpkg: error processing package a1 (--configure):\n`,
    "a1",
  )!;
  assert.equal(text.length, 4096);
  assert.match(text, /^….*line 9999$/s);
});
