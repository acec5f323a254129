import assert from "node:assert/strict";
import { PackageList, type Patch, Patch as PatchSchema } from "../../protocol/api.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import {
  countPatches,
  hashList,
  normalisePackages,
  normalisePatches,
  readInstant,
  RefusedReport,
  trustedSeverity,
} from "./rules.ts";

/** A patch as the protocol lets it in. */
function patch(fields: Record<string, unknown>): Patch {
  return PatchSchema.parse({
    name: "libc6",
    current_version: "1",
    available_version: "2",
    severity: "unknown",
    ...fields,
  });
}

function only(fields: Record<string, unknown>) {
  const list = normalisePatches([patch(fields)]);
  assert.equal(list.length, 1);
  return list[0];
}

Deno.test("versions that would become part of a command are refused", () => {
  for (const version of ["-o=Evil", "", "1 2", "$(id)", "1;2", "../1", "\u202e1", "1\n2", "--"]) {
    assert.throws(() => only({ available_version: version }), (error: Error) => {
      assert.ok(error instanceof RefusedReport);
      assert.equal(error.message, "The available version of libc6 is not a version.");
      return true;
    }, JSON.stringify(version));
  }
});

Deno.test("a public apt agent's shifted columns are put right", () => {
  for (const arch of ["amd64", "arm64", "armhf", "i386", "all", "ppc64el", "s390x", "riscv64"]) {
    const { offer, current_version } = only({ current_version: "2.36-9+deb12u13", available_version: arch });
    assert.deepEqual([offer.version, offer.arch, current_version], ["2.36-9+deb12u13", arch, null]);
  }
  // Without a current version nothing is shifted: then it is what it says, and no version either way round.
  assert.equal(only({ current_version: "", available_version: "amd64" }).offer.version, "amd64");
});

Deno.test("what an agent leaves out is absent, not zero", () => {
  const { offer, ...rest } = only({ current_version: "", severity: "nonsense" });
  assert.deepEqual(
    [rest.current_version, rest.state, rest.state_reason, rest.phased_percent, rest.new_dependencies],
    [null, "installable", null, null, []],
  );
  assert.deepEqual(
    [offer.security, offer.severity, offer.severity_source, offer.size_bytes, offer.repositories, offer.description],
    [false, "unknown", "none", null, [], null],
  );
});

Deno.test("states follow from flags where an agent has no state", () => {
  const table: [Record<string, unknown>, string][] = [
    [{}, "installable"],
    [{ installable: true, phased_percent: 10 }, "installable"],
    [{ held: true }, "held"],
    [{ held: true, installable: false }, "held"],
    [{ installable: false, phased_percent: 10 }, "phased"],
    [{ installable: false, phased_percent: 100 }, "kept_back"],
    [{ installable: false }, "kept_back"],
    [{ installable: false, state: "excluded" }, "excluded"],
  ];
  for (const [fields, state] of table) assert.equal((only(fields)).state, state, JSON.stringify(fields));
});

Deno.test("a severity guessed from a name is kept, marked and not counted", () => {
  const guessed = only({ name: "a", severity: "critical" });
  const vendor = only({ name: "b", severity: "critical", severity_source: "vendor-advisory" });
  assert.deepEqual([guessed.offer.severity, guessed.offer.severity_source], ["critical", "unverified"]);
  assert.deepEqual([trustedSeverity(guessed.offer), trustedSeverity(vendor.offer)], ["unknown", "critical"]);
  const counts = countPatches([guessed, vendor]);
  assert.deepEqual([counts.critical, counts.unknown], [1, 1]);
});

Deno.test("CVE ids are checked, in capitals, once and in order", () => {
  const { offer } = only({ cve_ids: ["cve-2026-0002", "CVE-2026-0001", "CVE-2026-0002", "CVE-x", "<b>", ""] });
  assert.deepEqual(offer.cve_ids, ["CVE-2026-0001", "CVE-2026-0002"]);
});

Deno.test("words lose what steers a terminal or breaks JSON", () => {
  const { offer, state_reason } = only({
    description: "a\u001b[31mb\u202ec\ud800d",
    repository: "main\n",
    state_reason: "\u0007 \u009b",
  });
  assert.deepEqual([offer.description, offer.repositories, state_reason], ["a [31mb c\ufffdd", ["main"], null]);
});

Deno.test("numbers are whole and within what a number holds", () => {
  const { offer } = only({ size_bytes: 2 ** 53, installed_size_delta_bytes: -1.5 });
  assert.equal(offer.size_bytes, Number.MAX_SAFE_INTEGER);
  assert.equal(offer.installed_size_delta_bytes, -1);
});

Deno.test("the order in which an agent lists makes no difference to hash and result", () => {
  const list = ["b", "a", "B", "a"].map((name, i) => patch({ name, arch: i === 3 ? "arm64" : "amd64" }));
  const forward = normalisePatches([...list]);
  assert.deepEqual(normalisePatches([...list].reverse()), forward);
  assert.deepEqual(forward.map(({ offer }) => offer.name + offer.arch), ["Bamd64", "aamd64", "aarm64", "bamd64"]);
});

Deno.test("a package listed twice counts once", () => {
  assert.equal(normalisePatches([patch({}), patch({ available_version: "3" })]).length, 1);
  const kernels = PackageList.parse({
    packages: [
      { name: "kernel", version: "6.1", install_date: "2026-01-02T00:00:00Z" },
      { name: "kernel", version: "6.2", install_date: "2026-03-02T01:00:00+01:00" },
      { name: "kernel", version: "6.0", install_date: "2026-01-01T00:00:00Z" },
    ],
  });
  const [kernel, ...more] = normalisePackages(kernels.packages);
  assert.deepEqual([kernel.version, kernel.installed_at, more.length], ["6.2", "2026-03-02T00:00:00.000Z", 0]);
});

Deno.test("counters hold every update once as state and once as severity", () => {
  const states = ["installable", "held", "phased", "kept_back", "excluded", "blocked", "pinned"];
  const list = normalisePatches(states.map((state, i) =>
    patch({
      name: `p${i}`,
      state,
      security: i === 6 ? undefined : i < 2,
      severity: ["critical", "high", "medium", "low", "unknown", "unknown", "unknown"][i],
      severity_source: "vendor-advisory",
      cve_ids: ["CVE-2026-0001", `CVE-2026-100${i}`],
    })
  ));
  assert.deepEqual(countPatches(list), {
    pending: 7,
    security: 2,
    security_unknown: 1,
    cves: 8,
    installable: 1,
    held: 1,
    phased: 1,
    kept_back: 1,
    excluded: 1,
    blocked: 1,
    pinned: 1,
    critical: 1,
    high: 1,
    medium: 1,
    low: 1,
    unknown: 3,
  });
});

Deno.test("a host's times are taken only where they can be true", () => {
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const table: [string | null | undefined, string | null][] = [
    [null, null],
    [undefined, null],
    ["", null],
    ["yesterday", null],
    ["-271821-04-20T00:00:00Z", null],
    ["1970-01-01T00:00:00Z", null],
    ["2026-11-20", null],
    ["2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00Z"],
    ["2026-11-20T10:00:01Z", "2026-11-20T10:00:00Z"],
    ["2026-11-20T10:05:00Z", "2026-11-20T10:00:00Z"],
    ["2026-11-20T10:05:01Z", null],
    ["9999-01-01T00:00:00Z", null],
  ];
  for (const [text, expected] of table) assert.equal(readInstant(text, clock)?.toString() ?? null, expected, `${text}`);
});

Deno.test("a list's hash is that of its JSON: what is stored stays true", async () => {
  const whole = async (value: unknown) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value))));
  for (
    const list of [[], [1], normalisePatches([patch({ name: "a" }), patch({ name: "b" })]), ["ä\ud83d", { x: null }]]
  ) {
    assert.deepEqual(hashList(list), await whole(list));
  }
  const [{ offer, offer_hash }] = normalisePatches([patch({})]);
  assert.equal(offer_hash, (await whole(offer)).toHex());
});
