import assert from "node:assert/strict";
import { renderToString } from "preact-render-to-string";
import type { VNode } from "preact";
import icons from "../static/icons.json" with { type: "json" };
import { Button } from "./button.tsx";
import { DefinitionList } from "./definition_list.tsx";
import { TextField } from "./field.tsx";
import { currentHref } from "./frame.tsx";
import { LogView } from "./log_view.tsx";
import { PartsBar, Progress } from "./progress.tsx";
import { bytesText, Count, countText } from "./quantity.tsx";
import { SecurityMark, Severity } from "./severity.tsx";
import { HealthStatus, JobState, LiveState } from "./status.tsx";
import { CheckCell, Column } from "./table.tsx";

const NOW = "2026-11-21T08:05:12Z";
const EARLIER = "2026-11-21T07:41:00Z";
const html = (node: VNode) => renderToString(node);
/** What a person reads. */
const words = (node: VNode) => html(node).replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ").trim();

Deno.test("hostile words stay words", () => {
  const bad = '<img src=x onerror="alert(1)">';
  for (
    const node of [
      <LogView key="log" label="Log" lines={[{ number: 1, text: bad }]} />,
      <DefinitionList key="facts" facts={[{ name: "Name", value: bad }]} />,
      <TextField key="field" id="a" label={bad} error={bad} value={bad} />,
      <CheckCell key="cell" label={`Choose ${bad}`} />,
    ]
  ) assert.doesNotMatch(html(node), /<img/);
});

Deno.test("no part writes a style attribute", () => {
  for (
    const node of [
      <Progress key="progress" id="p" label="Installing" done={3} total={12} words="3 of 12" />,
      <PartsBar key="bar" label="Health" parts={[{ name: "healthy", count: 1, tone: "ok" }]} />,
      <Severity key="severity" severity="high" />,
    ]
  ) assert.doesNotMatch(html(node), /style=/);
});

Deno.test("every state has a word and a shape of its own among its kind", () => {
  const looks = (["healthy", "degraded", "unreachable", "pending"] as const).map((health) => {
    const text = html(<HealthStatus health={health} />);
    return text.slice(text.indexOf("<svg"), text.indexOf("</svg>"));
  });
  assert.equal(new Set(looks).size, 4);
  const states = [
    "queued",
    "waiting",
    "dispatching",
    "running",
    "verifying",
    "rebooting",
    "succeeded",
    "failed",
    "cancelled",
    "missed",
    "rolled_back",
    "unknown",
  ] as const;
  assert.equal(new Set(states.map((state) => words(<JobState state={state} />))).size, states.length);
  assert.match(html(<JobState state="unknown" />), /do not repeat/);
});

Deno.test("health says for how long it is bad, and when a host was silent the last time", () => {
  const health = (props: Omit<Parameters<typeof HealthStatus>[0], "now">) =>
    words(<HealthStatus {...props} now={NOW} />);
  assert.equal(health({ health: "unreachable", since: EARLIER, silentSince: EARLIER }), "Unreachable for 24 min");
  assert.equal(health({ health: "degraded", since: EARLIER }), "Degraded for 24 min");
  assert.equal(health({ health: "healthy", since: EARLIER }), "Healthy");
  assert.equal(health({ health: "healthy", since: null, silentSince: EARLIER }), "Healthy no answer for 24 min");
  assert.equal(health({ health: "degraded", since: NOW, silentSince: EARLIER }), "Degraded no answer for 24 min");
  assert.equal(health({ health: "unreachable", since: null }), "Unreachable");
  assert.equal(words(<LiveState state="still" since={EARLIER} now={NOW} />), "Standing still last change 24 min ago");
});

Deno.test("what an update means for security", () => {
  assert.equal(words(<SecurityMark security={false} severity="critical" />), "–");
  assert.equal(words(<SecurityMark security severity="unknown" />), "security");
  assert.equal(words(<SecurityMark security severity="high" />), "High");
});

Deno.test("counts carry what matters and their age", () => {
  const count = (updates: number, security: number, indexAt: string | null) =>
    words(<Count updates={updates} security={security} indexAt={indexAt} now={NOW} />).replaceAll(" ,", ",");
  assert.equal(count(41, 12, "2026-11-21T08:01:00Z"), "41 updates, 12 security, index 4 min old");
  assert.equal(count(0, 0, null), "Up to date, index age unknown");
  assert.equal(count(1, 0, EARLIER), "1 update, index 24 min old");
  assert.equal(countText(2431, "host"), "2,431 hosts");
});

Deno.test("bytes at the edges of their units", () => {
  for (
    const [bytes, text] of [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [9.94 * 1024, "9.9 KiB"],
      [9.96 * 1024, "10 KiB"],
      [1023.6 * 1024, "1.0 MiB"],
      [64 * 1024 ** 2, "64 MiB"],
      [-2048, "−2.0 KiB"],
      [5000 * 1024 ** 4, "5000 TiB"],
    ] as const
  ) assert.equal(bytesText(bytes), text);
});

Deno.test("a field ties label, hint and error to its control", () => {
  const text = html(<TextField id="name" label="Name" hint="Short." error="Missing. Write one." />);
  assert.match(text, /<label[^>]* for="name"/);
  assert.match(text, /<input[^>]* aria-describedby="name-hint name-error"/);
  assert.match(text, /<input[^>]* aria-invalid="true"/);
  assert.doesNotMatch(html(<TextField id="name" label="Name" />), /aria-describedby|aria-invalid/);
});

Deno.test("a button does not submit unless that is said", () => {
  assert.match(html(<Button>Go</Button>), /type="button"/);
  assert.match(html(<Button type="submit">Go</Button>), /type="submit"/);
});

Deno.test("a sorted column says so", () => {
  assert.match(html(<Column sorting={{ direction: "descending", href: "?s" }}>Size</Column>), /aria-sort="descending"/);
  assert.doesNotMatch(html(<Column>Size</Column>), /aria-sort/);
});

Deno.test("the current place is the longest that the path lies at or below", () => {
  const rail = ["/", "/hosts", "/hosts/groups", "/jobs"];
  for (
    const [path, href] of [
      ["/", "/"],
      ["/hosts", "/hosts"],
      ["/hosts/7", "/hosts"],
      ["/hosts/groups/1", "/hosts/groups"],
      ["/hostsmith", undefined],
      ["/nowhere", undefined],
    ] as const
  ) assert.equal(currentHref(rail, path), href);
});

Deno.test("severity without any is no alarm", () => {
  assert.match(html(<Severity severity="critical" count={3} />), /tone-bad/);
  assert.match(html(<Severity severity="critical" count={0} />), /tone-off/);
});

Deno.test("every icon that a part may name is in the sprite, and no other", async () => {
  const text = await Deno.readTextFile(new URL("icon.tsx", import.meta.url));
  const named = [...text.matchAll(/^ {2}\| "([a-z0-9-]+)"/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), [...icons].sort());
});
