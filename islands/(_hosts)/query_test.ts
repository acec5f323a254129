import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { addSceneHost, answer, fleetScene } from "../../testing/fleet_scene.ts";
import { recordRefusal } from "../../core/patches/record_refusal.ts";
import { hostRows } from "../../core/views/host_rows.ts";
import { type HostListQuery, listHosts } from "../../core/views/list_hosts.ts";
import { deployOf, MOST_NAMED } from "./deploy_of.ts";
import { moveOf } from "./keys.tsx";
import { nextSort, type Query, readQuery, selectRows, writeQuery } from "./query.ts";
import { type HostLine, mergeRows, unpackRows } from "./rows.ts";

const ANY: Query = { q: "", health: "", os: "", status: "", group: "", sort: "" };

Deno.test("what the browser shows for an address is what the API lists for it, for every viewer", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { clock, users, groups, hosts } = scene;
  const odd = await addSceneHost(database, clock, "odd_100%");
  await answer(database, clock, odd, [], { info: { os: "Rocky Linux", os_id: "rocky", pending_reboot: true } });
  const sick = await addSceneHost(database, clock, "sick");
  await answer(database, clock, sick, [{ name: "a" }, { name: "b" }], {
    health: { status: "degraded", problems: ["Disk full."], agent: { simulated: true } },
    index_age_seconds: 49 * 3600,
  });
  await recordRefusal(database.fleet, sick, "larger than 16 MiB", clock);
  const greek = await addSceneHost(database, clock, "new");
  await database.sql`update hosts set display_name = 'Οδός İ' where id = ${greek}`;
  for (const [place, name] of ["zebra", "Ökonomie", "ökologie"].entries()) {
    const id = await addSceneHost(database, clock, `named-${place}`);
    await database.sql`update hosts set display_name = ${name} where id = ${id}`;
  }
  await database.sql`
    update hosts set display_name = ${"Żółw | a\tb\nc"}, tags = ${[
    "Prod|x",
    "ci,cd",
  ]}::text[] where id = ${hosts.alpha}`;
  const asked: Partial<Query>[] = [
    {},
    ...[
      "",
      "a",
      "ALPHA",
      "Żółw",
      "żółw",
      "ŻÓŁW",
      "zolw",
      "İ",
      "i",
      "ΟΔΌΣ",
      "οδός",
      "οδόσ",
      "prod|",
      "ci,cd",
      "10.1.0.",
      "rocky",
      "100%",
      "_",
      "nothing",
      " both ",
    ].map((q) => ({
      q,
    })),
    ...["healthy", "degraded", "unreachable", "pending"].map((health) => ({ health })),
    ...["pending", "security", "compliant", "not_compliant", "stale", "reboot"].map((status) => ({ status })),
    ...["debian", "rocky", "unknown", "plan9"].map((os) => ({ os })),
    ...[groups.a, "none"].map((group) => ({ group })),
    { q: "example", status: "security", health: "healthy", group: groups.a },
    ...[
      "health",
      "-health",
      "os",
      "-os",
      "pending",
      "-pending",
      "security",
      "-security",
      "last_seen",
      "-last_seen",
      "-name",
    ]
      .map((sort) => ({ sort })),
  ];
  for (const viewer of [users.admin, users.auditor, users.operator_a, users.operator_none]) {
    const rows = unpackRows(await hostRows(database.web, viewer.id, {}, clock.now()));
    for (const part of asked) {
      const query = { ...ANY, ...part };
      const what = `${viewer.role} ${JSON.stringify(part)}`;
      const { q, sort, ...rest } = query;
      const filter = Object.fromEntries(Object.entries({ search: q, ...rest }).filter(([, value]) => value !== ""));
      const order = sort === "" ? {} : { sort };
      // An operator's list knows nothing of a group that is not theirs.
      if (viewer === users.operator_none && query.group === groups.a) continue;
      const list = await listHosts(database.web, viewer.id, { ...filter, ...order, limit: 500 } as HostListQuery);
      const { shown, counts } = selectRows(rows, query);
      const ids = (items: { id: string }[]) => items.map(({ id }) => id).sort();
      assert.deepEqual(ids(shown), ids(list.items), what);
      // Among equals of another column the browser goes on by name, the API by id.
      if (sort === "" || sort === "-name") {
        assert.deepEqual(shown.map(({ id }) => id), list.items.map(({ id }) => id), what);
      }
      assert.equal(shown.length, list.total, what);
      for (const [name, count] of Object.entries(list.facets.health)) {
        assert.equal(counts.health.get(name) ?? 0, count, what);
      }
      for (const [name, count] of Object.entries(list.facets.status)) {
        assert.equal(counts.status.get(name) ?? 0, count, what);
      }
      for (const { os, count } of list.facets.os) assert.equal(counts.os.get(os) ?? 0, count, what);
      for (const { id, count } of list.facets.groups) assert.equal(counts.group.get(id) ?? 0, count, what);
      assert.equal(counts.group.get("none") ?? 0, list.facets.ungrouped, what);
    }
  }
});

Deno.test("a row says what the API says of its host", async () => {
  await using database = await testDatabase();
  const scene = await fleetScene(database);
  const { clock, users, hosts, groups } = scene;
  await database.sql`
    update hosts set display_name = ${"a|b\tc\nd"}, tags = ${["x,y", "z"]}::text[], health = 'unreachable', port = 9,
      health_reason = ${'refused | "really"\nyes'}, not_answering_since = ${clock.now().subtract({ seconds: 90 })}
    where id = ${hosts.both}`;
  const rows = unpackRows(await hostRows(database.web, users.admin.id, {}, clock.now()));
  const { items } = await listHosts(database.web, users.admin.id, {});
  assert.equal(rows.length, 4);
  const seconds = (at: Temporal.Instant | null) => at && Math.floor(at.epochMilliseconds / 1000);
  for (const host of items) {
    const row = rows.find(({ id }) => id === host.id)!;
    assert.deepEqual(
      [row.name, row.health, row.since, row.silent, row.reason, row.seen, row.index_at, row.compliance],
      [
        ...[
          host.name.replace(/\s/g, " "),
          host.health,
          seconds(host.health_since),
          seconds(host.not_answering_since),
          host.health_reason,
        ],
        ...[seconds(host.last_seen), seconds(host.index_refreshed_at), host.compliance],
      ],
    );
    assert.deepEqual(
      [row.pending, row.security, row.installable, row.reboot, row.simulated, row.refused, row.reported],
      [host.pending, host.security, host.installable, host.reboot_required, host.simulated, false, true],
    );
    assert.deepEqual(row.groups.toSorted(), host.groups.map(({ id }) => id).sort());
  }
  const both = rows.find(({ id }) => id === hosts.both)!;
  assert.equal(both.name, "a|b c d", "a line of its own stays one line");
  assert.match(both.words, /\nx,y\nz$/);
  assert.deepEqual(both.groups.toSorted(), [groups.a, groups.b].sort());
  const theirs = unpackRows(await hostRows(database.web, users.operator_a.id, {}, clock.now()));
  assert.deepEqual(theirs.find(({ id }) => id === hosts.both)!.groups, [groups.a], "nothing of foreign groups");
  const few = await hostRows(database.web, users.operator_a.id, { ids: [hosts.beta, hosts.alpha] }, clock.now());
  assert.deepEqual(
    unpackRows(few).map(({ id }) => id),
    [hosts.alpha],
    "asked for by name, a foreign host is not there",
  );
  assert.ok(!JSON.stringify(few).includes("beta"));
});

function host(id: string, more: Partial<HostLine> = {}): HostLine {
  const name = more.name ?? id;
  return {
    ...{ id, name, key: name, os: "debian", system: "Debian 12", os_name: "Debian", health: "healthy", since: 0 },
    ...{ silent: null, reason: null, seen: 0, index_at: 0, index_error: null, simulated: false, refused: false },
    ...{ reboot: false, reported: true, compliance: "compliant", pending: 0, security: 0, installable: 1 },
    ...{ groups: [], job: null, words: name },
    ...more,
  } as HostLine;
}

Deno.test("what is read again takes the place of what was asked for, and what did not come back has gone", () => {
  const rows = [host("a"), host("b"), host("c")];
  const merged = mergeRows(rows, new Set(["b", "c", "new"]), [host("c", { name: "aa" }), host("new")]);
  assert.deepEqual(merged.map(({ name }) => name), ["a", "aa", "new"]);
});

Deno.test("among equals names stay from A to Z, whichever way the column goes", () => {
  const rows = [host("a", { pending: 1 }), host("b", { pending: 2 }), host("c", { pending: 1 })];
  const names = (sort: string) => selectRows(rows, { ...ANY, sort }).shown.map(({ id }) => id).join("");
  assert.deepEqual(["", "name", "pending", "-pending", "nonsense", "-toString"].map(names), [
    ...["abc", "abc", "acb", "bac", "abc", "abc"],
  ]);
});

Deno.test("addresses: what is written is read again, and the default is not written", () => {
  const query = { ...ANY, q: "a b&c=d#é", status: "security", sort: "-pending" };
  assert.deepEqual(readQuery(writeQuery(query, null)), query);
  assert.equal(writeQuery(ANY, null), "");
  assert.equal(writeQuery({ ...ANY, sort: "name" }, null), "");
  assert.equal(writeQuery({ ...ANY, health: "healthy" }, "silent"), "?health=healthy&only=silent");
  assert.equal(readQuery("?q=%00x").q, "x");
  const table: [string, Parameters<typeof nextSort>[1], string][] = [
    ["", "name", "-name"],
    ["-name", "name", "name"],
    ["", "pending", "-pending"],
    ["-pending", "pending", "pending"],
    ["pending", "pending", "-pending"],
    ["-pending", "health", "health"],
    ["", "last_seen", "-last_seen"],
  ];
  for (const [current, column, next] of table) assert.equal(nextSort(current, column), next, `${current} ${column}`);
});

Deno.test("a deployment reaches what was chosen, by name or by the filter, and never more", () => {
  const many = (count: number, installable = 1) =>
    Array.from({ length: count }, (_, n) => host(`h${n}`, { installable }));
  assert.deepEqual(deployOf([...many(2), ...many(1, 0)], 9, ANY, null), {
    href: "/deploy?host=h0&host=h1",
    hosts: 2,
    note: "1 host has nothing to install",
  });
  assert.equal(deployOf(many(3, 0), 3, ANY, null).href, null);
  assert.equal(deployOf(many(MOST_NAMED), 900, ANY, null).hosts, MOST_NAMED);
  assert.match(deployOf(many(MOST_NAMED), 900, ANY, "silent").href!, /^\/deploy\?host=h0&/);
  const more = many(MOST_NAMED + 1);
  assert.equal(deployOf(more, more.length + 1, ANY, null).href, null, "some of many cannot be named");
  assert.match(deployOf(more, more.length + 1, ANY, null).note!, /filter for them/);
  assert.equal(deployOf(more, more.length, ANY, null).href, "/deploy?all=1");
  assert.equal(
    deployOf(more, more.length, { ...ANY, q: "web", status: "security", sort: "os" }, null).href,
    "/deploy?q=web&status=security",
  );
  assert.equal(
    deployOf(more, more.length, { ...ANY, health: "healthy" }, "silent").href,
    "/deploy?health=healthy&only=silent",
  );
  assert.equal(deployOf(more, more.length + 1, ANY, "silent").href, null, "others of that figure are not meant");
});

Deno.test("keys: what each does, and those that are none of ours", () => {
  const press = (key: string, at = 5, more: Partial<KeyboardEvent> = {}) =>
    moveOf(
      { key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more } as KeyboardEvent,
      at,
      100,
      10,
    );
  const table: [string, number, unknown][] = [
    ["ArrowDown", 5, { to: 6, range: false }],
    ["j", 99, { to: 99, range: false }],
    ["ArrowDown", -1, { to: 0, range: false }],
    ["ArrowUp", 0, { to: 0, range: false }],
    ["k", 5, { to: 4, range: false }],
    ["PageDown", 5, { to: 15, range: false }],
    ["PageUp", 5, { to: 0, range: false }],
    ["Home", 5, { to: 0, range: false }],
    ["End", 5, { to: 99, range: false }],
    [" ", 5, "choose"],
    [" ", -1, null],
    ["x", 5, "choose"],
    ["Escape", 5, "clear"],
    ["f", -1, "filter"],
    ["?", 5, "help"],
    ["q", 5, null],
    ["Enter", 5, null],
    ["Tab", 5, null],
  ];
  for (const [key, at, move] of table) assert.deepEqual(press(key, at), move, `${key} at ${at}`);
  assert.deepEqual(press("ArrowDown", 5, { shiftKey: true }), { to: 6, range: true });
  assert.equal(press(" ", 5, { shiftKey: true }), "range");
  assert.equal(press("a", 5, { ctrlKey: true }), "all");
  assert.equal(press("a", -1, { ctrlKey: true }), null, "all of the page's text, as everywhere");
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
    assert.equal(press("j", 5, more), null, JSON.stringify(more));
  }
});
