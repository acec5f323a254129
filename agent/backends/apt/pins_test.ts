import assert from "node:assert/strict";
import { listed, offer, prefer } from "./listing_fixture_test.ts";
import { findPin, hostRelease, releaseOf, withheldSecurity } from "./pins.ts";
import { parsePolicy } from "./policy.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

/** One package as apt prints it: newest first, the installed one marked with a star. */
function policy(candidate: string, lines: [version: string, priority: number, ...sources: [number, string][]][]) {
  const installed = lines.find(([version]) => version.startsWith("*"))![0].slice(1);
  const table = lines.map(([version, priority, ...sources]) =>
    (version.startsWith("*") ? ` *** ${version.slice(1)}` : `     ${version}`) + ` ${priority}\n` +
    sources.map(([rank, suite]) =>
      `       ${String(rank).padStart(4)} http://deb.example.org/debian ${suite} amd64 Packages\n`
    )
      .join("") +
    (version.startsWith("*") ? "        100 /var/lib/dpkg/status\n" : "")
  );
  const text = `p:\n  Installed: ${installed}\n  Candidate: ${candidate}\n  Version table:\n${table.join("")}`;
  return parsePolicy(text).get("p")!;
}

const main: [number, string] = [500, "bookworm/main"];

Deno.test("pins: what a preference withholds, in words that name it", () => {
  const cases: {
    what: string;
    policy: ReturnType<typeof policy>;
    pinned: string[];
    words: RegExp;
    security?: string;
  }[] = [
    {
      what: "one version chosen",
      policy: policy("1", [["2", 500, [500, "bookworm-security/main"]], ["*1", 1001, main]]),
      ...{ pinned: ["2"], words: /chooses 1 \(priority 1001\), not 2 from bookworm-security\/main/, security: "2" },
    },
    {
      what: "a source forbidden for this package",
      policy: policy("1", [["2", -1, [500, "bookworm-updates/main"]], ["*1", 500, main]]),
      ...{ pinned: ["2"], words: /for this package gives 2 from bookworm-updates\/main the priority -1/ },
    },
    {
      what: "a source forbidden for everything",
      policy: policy("1", [["2", -32768, [-32768, "noble-apps-security/main"]], ["*1", 500, [500, "noble/main"]]]),
      ...{ pinned: ["2"], words: /gives everything from noble-apps-security\/main the priority -32768/, security: "2" },
    },
    {
      what: "a default release that forgets its security pocket",
      policy: policy("1", [["2", 500, [500, "bookworm-security/main"]], ["*1", 990, [990, "bookworm/main"]]]),
      ...{ pinned: ["2"], words: /2 from bookworm-security\/main has the priority 500, the installed version 990/ },
      security: "2",
    },
    {
      what: "security below an ordinary update, both withheld",
      policy: policy("1", [["3", -1, main], ["2", -1, [500, "bookworm-security/main"]], ["*1", 500, main]]),
      ...{ pinned: ["3", "2"], words: /gives 3 from/, security: "2" },
    },
  ];
  for (const { what, policy, pinned, words, security } of cases) {
    const pin = findPin(policy, what.includes("everything") ? "noble" : "bookworm");
    assert.deepEqual(pin?.withheld.map((item) => item.version), pinned, what);
    assert.match(pin!.words, words, what);
    assert.equal(withheldSecurity(pin!), security ?? null, what);
  }
});

Deno.test("pins: a backport and another release are no pins, and neither is an older version", () => {
  const backport: [number, string] = [100, "bookworm-backports/main"];
  for (
    const [what, item] of Object.entries({
      backport: policy("1", [["2", 100, backport], ["*1", 500, main]]),
      experimental: policy("1", [["2", 1, [1, "experimental/main"]], ["*1", 500, main]]),
      "another release that is not the target": policy("1", [["2", 500, [500, "sid/main"]], ["*1", 990, [
        990,
        "bookworm/main",
      ]]]),
      "another release's security": policy("1", [["2", 500, [500, "trixie-security/main"]], ["*1", 990, [
        990,
        "bookworm/main",
      ]]]),
      "proposed updates": policy("1", [["2", 100, [100, "bookworm-proposed-updates/main"]], ["*1", 500, main]]),
      "nothing newer": policy("1", [["*1", 1001, main], ["0", 500, main]]),
      "installed by hand": policy("9", [["*9", 100], ["1", 500, main]]),
      "a pin to something older": policy("1", [["*2", 100], ["1", 1001, main]]),
    })
  ) assert.equal(findPin(item, "bookworm"), null, what);
});

Deno.test("pins: the release of a host is the one that most candidates come from", () => {
  for (
    const [suite, release] of [
      ["bookworm/main", "bookworm"],
      ["bookworm-security/non-free", "bookworm"],
      ["bookworm/updates/main", "bookworm"],
      ["noble-infra-security/main", "noble"],
      ["bookworm-backports/main", "bookworm-backports"],
      ["./", "."],
    ]
  ) assert.equal(releaseOf(suite), release);
  const of = (suite: string) => policy("1", [["*1", 500, [500, suite]]]);
  assert.equal(hostRelease([of("stable/main"), of("bookworm-updates/main"), of("bookworm/main")]), "bookworm");
  assert.equal(hostRelease([policy("1", [["*1", 100]])]), null);
});

const stanza = (packages: string, pin: string, priority: number | string) =>
  `Package: ${packages}\nPin: ${pin}\nPin-Priority: ${priority}\n\n`;

sandboxTest("pinned packages on a host, against apt's own word on what it would do", async (bed) => {
  const scenes: { what: string; text: string; pinned: Record<string, RegExp>; offered: Record<string, string> }[] = [
    {
      what: "one version of one package",
      text: stanza("curlew", "version 7.88.1-10", 1001),
      pinned: { curlew: /chooses 7\.88\.1-10 \(priority 1001\), not 7\.88\.1-11 from lab-updates\/main/ },
      offered: { "lumen-utils": "2.38.1-6" },
    },
    {
      what: "a source that is refused for one package, its security version too",
      text: stanza("corvid-httpd", "release a=lab-security", -1) + stanza("lumen-utils", "release a=lab-updates", -10),
      pinned: { "corvid-httpd": /gives 2\.4\.59-1 from lab-security\/main the priority -1/, "lumen-utils": /-10/ },
      offered: { curlew: "7.88.1-11" },
    },
    {
      what: "a whole pocket: the lower version stays on offer and wins",
      text: stanza("*", "release a=lab-updates", -1),
      pinned: { curlew: /everything from lab-updates\/main the priority -1/, "lumen-utils": /everything/ },
      offered: { libtessera3: "3.0.11-1+deb12u2" },
    },
    {
      what: "a default release without its pockets",
      text: stanza("*", "release a=lab", 990),
      pinned: { curlew: /priority 500, the installed version 990/, "linux-image-sandbox": /lab-security/ },
      offered: {},
    },
  ];
  for (const { what, text, pinned, offered } of scenes) {
    await prefer(bed, text);
    const by = await listed(bed);
    for (const [name, words] of Object.entries(pinned)) {
      const patch = by.get(name)!;
      assert.deepEqual([patch.state, patch.installable], ["pinned", false], `${what}: ${name}`);
      assert.match(patch.state_reason!, words, what);
      const plan = await bed.apt.plan({ packages: [name], versions: {}, new_packages: null, security_only: false });
      assert.deepEqual([plan.targets, plan.refused.map((item) => item.name)], [[], [name]], what);
      assert.match(plan.refused[0].reason, /pinned on this host/);
    }
    for (const [name, version] of Object.entries(offered)) {
      assert.deepEqual([by.get(name)!.state, by.get(name)!.available_version], ["installable", version], what);
    }
  }
  const by = await listed(bed);
  assert.deepEqual([by.get("corvid-httpd")!.security, by.get("corvid-httpd")!.security_version], [true, "2.4.59-1"]);
  assert.equal(by.get("curlew")!.security, false);
  await prefer(bed, null);
  assert.equal([...(await listed(bed)).values()].some((patch) => patch.state === "pinned"), false);
});

sandboxTest("an ordinary backport at priority 100 is no update and no pin", async (bed) => {
  await offer(bed, [["plover-icons", "6.0-1", "lab-updates"]]);
  await prefer(bed, stanza("plover-icons", "release a=lab-updates", 100));
  assert.equal((await listed(bed)).get("plover-icons")!.state, "pinned", "said of this package on purpose");
  await prefer(bed, stanza("*", "release a=lab-updates", 100) + stanza("*", "release a=lab-security", 100));
  const by = await listed(bed);
  assert.equal(by.get("plover-icons")!.state, "pinned", "a pocket of the host's own release, turned down");
});
