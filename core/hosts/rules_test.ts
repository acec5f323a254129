import assert from "node:assert/strict";
import { fakeClock } from "../../testing/fake_clock.ts";
import { canonicalAddress, readHostAddress } from "./address.ts";
import { healthProblems, judgeHealth, nextPoll, plainLines, plainWords, pollOffset } from "./rules.ts";
import type { HealthRecord, Observation } from "./types.ts";

Deno.test("what is no name and no address", () => {
  const bad = [
    "",
    " ",
    "*.example.org",
    "exa mple",
    "-web1",
    "web1-",
    "web_1",
    "a..b",
    ".",
    "x".repeat(64),
    "a.".repeat(127) + "toolong",
    "https://web1.example",
    "web1.example:12443",
    "web1/../x",
    "$(id)",
    "web1;id",
    "höst.example",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "010.1.1.1",
    "1.2.3.4/24",
    "0x7f.1",
    "2130706433",
    "::1::",
    "[::1",
    "12345::",
    "fe80::1%eth0",
    "0.0.0.0",
    "::",
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "ff02::1",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "\u202eweb1",
  ];
  for (const text of bad) {
    const read = readHostAddress(text);
    assert.equal(read.kind, "problem", `${JSON.stringify(text)} ${JSON.stringify(read)}`);
    if (read.kind === "problem") assert.ok(read.problem.length > 10 && read.hint.length > 10, text);
  }
});

Deno.test("one form for every spelling", () => {
  const table: [string, string][] = [
    ["WEB1.Example.Org.", "web1.example.org"],
    [" web1\n", "web1"],
    ["xn--hst-sna.example", "xn--hst-sna.example"],
    ["3com.example", "3com.example"],
    ["10.0.0.1", "10.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["[2001:db8::0001]", "2001:db8::1"],
    ["2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"],
    ["::1", "::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:0a00:0001", "10.0.0.1"],
  ];
  for (const [text, expected] of table) {
    const read = readHostAddress(text);
    assert.equal(
      read.kind === "name" ? read.name : read.kind === "address" ? read.address : read.problem,
      expected,
      text,
    );
  }
  assert.throws(() => canonicalAddress("example.org"), TypeError);
});

Deno.test("every host has its own fixed place in the interval, evenly spread", () => {
  const interval = 300_000;
  const ids = Array.from({ length: 2500 }, (_, i) => `0192f000-0000-7000-8000-${i.toString(16).padStart(12, "0")}`);
  const offsets = ids.map((id) => pollOffset(id, interval));
  assert.deepEqual(ids.map((id) => pollOffset(id, interval)), offsets);
  for (const offset of offsets) assert.ok(Number.isInteger(offset) && offset >= 0 && offset < interval);
  // 30 slots of 10 s: 83 on average, far from empty and far from a burst.
  const slots = Array.from(
    { length: 30 },
    (_, i) => offsets.filter((offset) => Math.floor(offset / 10_000) === i).length,
  );
  assert.ok(Math.min(...slots) > 50 && Math.max(...slots) < 125, slots.join(" "));
});

Deno.test("the next poll: own slot after success, growing pauses after failures", () => {
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const id = "0192f000-0000-7000-8000-000000000001";
  const table: [number, number][] = [[1, 60], [2, 300], [3, 1800], [4, 1800], [100, 1800]];
  for (const [failures, seconds] of table) {
    assert.equal(nextPoll(id, 300_000, failures, clock).since(clock.now()).total("seconds"), seconds, `${failures}`);
  }
  for (let i = 0; i < 50; i++) {
    clock.advance({ milliseconds: 37_123 });
    const next = nextPoll(id, 300_000, 0, clock);
    const wait = next.since(clock.now()).total("milliseconds");
    assert.ok(wait > 0 && wait <= 300_000, `${wait}`);
    assert.equal(next.epochMilliseconds % 300_000, pollOffset(id, 300_000));
  }
  clock.set(nextPoll(id, 300_000, 0, clock));
  assert.equal(
    nextPoll(id, 300_000, 0, clock).since(clock.now()).total("milliseconds"),
    300_000,
    "not twice in a slot",
  );
});

Deno.test("health goes from state to state as the specification says", () => {
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const ok: Observation = { kind: "answered", problems: [] };
  const sick: Observation = { kind: "answered", problems: ["The disk is nearly full"] };
  const silent: Observation = { kind: "failed", reason: "connection refused" };
  const garbage: Observation = { kind: "refused", reason: "larger than 16 MiB" };
  let state: HealthRecord = {
    health: "pending",
    health_since: clock.now(),
    health_reason: null,
    not_answering_since: null,
  };
  const minute = (record: HealthRecord) => [
    record.health,
    record.health_since.toString().slice(14, 16),
    record.health_reason,
    record.not_answering_since?.toString().slice(14, 16) ?? null,
  ];
  const steps: [number, Observation, unknown[]][] = [
    // Minutes since 10:00, what was seen, health, since, words, not answering since.
    [1, silent, ["pending", "00", "Not answering: connection refused.", "01"]],
    [1, silent, ["pending", "00", "Not answering: connection refused.", "01"]],
    [2, silent, ["unreachable", "01", "connection refused.", "01"]],
    [7, { kind: "failed", reason: "timed out" }, ["unreachable", "01", "timed out.", "01"]],
    [8, ok, ["healthy", "08", null, null]],
    [13, ok, ["healthy", "08", null, null]],
    [14, sick, ["degraded", "14", "The disk is nearly full.", null]],
    [15, sick, ["degraded", "14", "The disk is nearly full.", null]],
    [16, silent, ["degraded", "14", "Not answering: connection refused.", "16"]],
    [17, ok, ["healthy", "17", null, null]],
    [18, silent, ["healthy", "17", "Not answering: connection refused.", "18"]],
    [19, garbage, ["degraded", "19", "Its answer was refused: larger than 16 MiB.", null]],
    [20, silent, ["degraded", "19", "Not answering: connection refused.", "20"]],
    [21, silent, ["unreachable", "20", "connection refused.", "20"]],
    [22, sick, ["degraded", "22", "The disk is nearly full.", null]],
  ];
  const start = clock.now();
  for (const [at, seen, expected] of steps) {
    clock.set(start.add({ minutes: at }));
    state = judgeHealth(state, seen, clock);
    assert.deepEqual(minute(state), expected, `minute ${at}`);
  }
});

Deno.test("two failures within the same minute do not make a host unreachable", () => {
  const clock = fakeClock();
  const healthy: HealthRecord = {
    health: "healthy",
    health_since: clock.now(),
    health_reason: null,
    not_answering_since: null,
  };
  const first = judgeHealth(healthy, { kind: "failed", reason: "timed out" }, clock);
  clock.advance({ seconds: 54 });
  assert.equal(judgeHealth(first, { kind: "failed", reason: "timed out" }, clock).health, "healthy");
  clock.advance({ seconds: 1 });
  assert.equal(judgeHealth(first, { kind: "failed", reason: "timed out" }, clock).health, "unreachable");
});

Deno.test("problems in words that a person can act on", () => {
  const clock = fakeClock("2026-11-20T10:00:00Z");
  const ago = (hours: number) => clock.now().subtract({ hours });
  const table: [Parameters<typeof healthProblems>[0], RegExp[]][] = [
    [{ status: "healthy" }, []],
    [{ status: "healthy", checks: { package_manager: "locked" } }, []],
    [{ status: "degraded" }, [/without naming it/]],
    [{ status: "degraded", checks: { package_manager: "interrupted" } }, [/dpkg --configure -a/]],
    [{ status: "degraded", checks: { package_manager: "broken", disk: "low", clock: "skewed" } }, [
      /broken/,
      /disk/,
      /clock/,
    ]],
    [{ status: "degraded", words: ["Own words."], checks: { disk: "low" } }, [/^Own words\.$/]],
    [{ status: "healthy", index_refreshed_at: ago(48) }, []],
    [{ status: "healthy", index_refreshed_at: ago(73) }, [/3 days old/]],
    [{ status: "healthy", certificate_expires_at: ago(1) }, [/has expired/]],
    [{ status: "healthy", certificate_expires_at: ago(-25) }, [/expires in 1 day\./]],
    [{ status: "healthy", certificate_expires_at: ago(-24 * 13) }, [/expires in 13 days\./]],
    [{ status: "healthy", certificate_expires_at: ago(-24 * 15) }, []],
  ];
  for (const [seen, words] of table) {
    const problems = healthProblems(seen, clock);
    assert.equal(problems.length, words.length, JSON.stringify(problems));
    words.forEach((pattern, i) => assert.match(problems[i], pattern));
  }
});

Deno.test("words of a host cannot steer a terminal, and have an end", () => {
  assert.equal(plainWords("a\u001b[31m\u202e\nb\ud800"), "a [31m b\ufffd");
  const unseen = [
    "\u00ad",
    "\u061c",
    "\u200b",
    "\u200d",
    "\u200f",
    "\u2060",
    "\u206a",
    "\ufeff",
    "\ufffa",
    "\u{e0041}",
  ];
  for (const one of unseen) assert.equal(plainWords(`deb${one}${one}ian`), "deb ian", one.codePointAt(0)!.toString(16));
  assert.equal(plainWords("Łódź, 日本, עברית, 🐧"), "Łódź, 日本, עברית, 🐧", "letters of all scripts stay");
  const clock = fakeClock();
  const before: HealthRecord = {
    health: "pending",
    health_since: clock.now(),
    health_reason: null,
    not_answering_since: null,
  };
  const long = judgeHealth(before, { kind: "answered", problems: ["x".repeat(5000)] }, clock);
  assert.equal(long.health_reason!.length, 2000);
});

Deno.test("lines of another machine keep their ends and lose what steers terminals and eyes", () => {
  const table: [string, string][] = [
    ["E: one\r\n\tE: two\n", "E: one\n\tE: two"],
    ["\u001b[2Jgone\u0007", "[2Jgone"],
    ["safe\u202egpj.exe\u2066", "safe gpj.exe"],
    ["a\u0000b\ud800\u2028c", "a b\ufffd c"],
  ];
  for (const [text, expected] of table) assert.equal(plainLines(text), expected, JSON.stringify(text));
});
