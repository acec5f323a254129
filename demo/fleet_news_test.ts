import assert from "node:assert/strict";
import { type Deed, deedLine, type Event, eventLines } from "./fleet_news.ts";

const time = "10:31:04";
const event = (kind: string, host: string | null, data: Event["data"] = {}): Event => ({
  seq: 1,
  time,
  kind,
  host,
  data,
});
const words = (events: Event[]) => eventLines(events).map((line) => line.words);

Deno.test("each host has its own words, up to three with the same news", () => {
  const healthy = ["a", "b", "c"].map((host) => event("health", host, { health: "healthy", reason: null }));
  assert.deepEqual(words(healthy), ["a: healthy", "b: healthy", "c: healthy"]);
  assert.deepEqual(words([...healthy, event("health", "d", { health: "healthy" })]), ["4 hosts: healthy"]);
});

Deno.test("a host that says the same twice counts once", () => {
  const report = event("report", "a", { changed: true, pending: 13, security: 5 });
  assert.deepEqual(words([report, report]), ["a: reported: 13 updates pending, 5 of them for security"]);
});

Deno.test("reports are told together with their sums; unchanged ones are no news", () => {
  const reports = ["a", "b", "c", "d"].map((host) => event("report", host, { changed: true, pending: 1, security: 0 }));
  assert.deepEqual(words(reports), ["4 hosts: reported: 4 updates pending, 0 of them for security"]);
  assert.deepEqual(words(reports.slice(0, 2)), ["a, b: reported: 2 updates pending, 0 of them for security"]);
  assert.deepEqual(words([event("report", "a", { changed: false, pending: 1 })]), []);
  assert.deepEqual(words([event("report", "a", { changed: true, pending: 1, security: 1 })]), [
    "a: reported: 1 update pending, 1 of them for security",
  ]);
});

Deno.test("why a host is not well, what a job does, who is new", () => {
  assert.deepEqual(
    words([
      event("health", "a", { health: "degraded", reason: "The disk is full." }),
      event("refused", "a", { reason: "It is too large." }),
      event("host_state", "a", { state: "failed", message: "0 of 1 package is there." }),
      event("created", null, { name: "new.example" }),
      event("requested", null, { name: "other.example" }),
      event("unheard_of", "a"),
    ]),
    [
      "a: degraded. The disk is full.",
      "a: its report was refused. It is too large.",
      "a: failed. 0 of 1 package is there.",
      "new.example: enrolled",
      "other.example: asks to be enrolled",
    ],
  );
});

const deeds: [Partial<Deed>, string | undefined][] = [
  [{ action: "auth.login", actor: "admin", details: { stage: "full" } }, "admin signed in"],
  [{ action: "auth.login", actor: "admin", details: { stage: "factor" } }, undefined],
  [{ action: "auth.factor", actor: "admin" }, "admin signed in"],
  [{ action: "auth.factor", actor: "admin", outcome: "failure" }, "admin could not give the second factor"],
  [{ action: "auth.login", actor: "admin", outcome: "failure" }, "admin could not sign in"],
  [{ action: "auth.login", actor: null, outcome: "failure" }, "somebody could not sign in"],
  [
    { action: "job.create", actor: "eve", details: { kind: "apply", hosts: ["1", "2"], patch_count: 1 } },
    "eve ordered 1 update on 2 hosts",
  ],
  [
    { action: "job.create", actor: "eve", details: { kind: "dry_run", hosts: ["1"], patch_count: 5 } },
    "eve ordered a dry run of 5 updates on 1 host",
  ],
  [{ action: "job.end", actor: "jobs", details: { state: "failed", hosts: { failed: 1 } } }, "the job ended: failed"],
  [{ action: "certificate.collect" }, undefined],
];

Deno.test("what a person did, and nothing that happens by itself", () => {
  for (const [deed, expected] of deeds) {
    const full = { seq: 1, time, action: "", actor: null, outcome: "success", details: {}, ...deed };
    assert.equal(deedLine(full)[0]?.words, expected);
  }
});
