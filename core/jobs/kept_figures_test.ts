import assert from "node:assert/strict";
import { dice } from "../../testing/dice.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { addGroup, addHost, addUser, callerContext, offer, type TestUser } from "../../testing/job_scenario.ts";
import { wrongJobFigures } from "../../testing/job_figures.ts";
import { migrateUntil } from "../../testing/migrate_until.ts";
import { systemClock } from "../clock.ts";
import { transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { uuidv7 } from "../ids.ts";
import { removeHost } from "../hosts/remove_host.ts";
import { dashboardHosts } from "../views/dashboard_hosts.ts";
import type { Fragment } from "../views/scope.ts";
import { jobList } from "../views/list_jobs.ts";
import { cancelJob, cancelWorkOfHost } from "./cancel_job.ts";
import { claimDueRuns } from "./claim_runs.ts";
import { createJob } from "./create_job.ts";
import { createReboot } from "./create_reboot.ts";
import { createRepair } from "./create_repair.ts";
import { endFinishedJobs } from "./end_finished_jobs.ts";
import { HostBusy, LostRun, moveRun, noteRun } from "./move_run.ts";
import { retryFailed } from "./retry_failed.ts";
import { isFinal, transitions } from "./rules.ts";
import { patchesOfRun } from "./run_store.ts";
import { insertJobHosts } from "./store.ts";
import type { JobKind, JobPatch, Run } from "./types.ts";

const HOSTS = 12;
const STEPS = 160;

const dependency: JobPatch = {
  ...{ name: "libnew", arch: "amd64", from_version: null, to_version: "1", origin: "dependency", action: "install" },
  ...{ outcome: "applied", reason: null },
};

/** People who order, at most what they may see, and the hosts they do it to. */
async function smallFleet({ sql }: TestDatabase) {
  const group = await addGroup(sql);
  const users = {
    admin: await addUser(sql, "admin"),
    auditor: await addUser(sql, "auditor"),
    operator: await addUser(sql, "operator", [group]),
    stranger: await addUser(sql, "operator", [await addGroup(sql)]),
  };
  const hosts: string[] = [];
  for (let n = 0; n < HOSTS; n++) {
    const id = await addHost(sql, { groups: n % 3 === 0 ? [group] : n % 3 === 1 ? [await addGroup(sql)] : [] });
    await offer(sql, id, { name: "bash", to: "2.0" }, ...n % 2 === 0 ? [{ name: "curl", to: "8.1" }] : []);
    hosts.push(id);
  }
  await sql`insert into host_counters (host_id) select id from hosts`;
  await sql`insert into host_patch_data (host_id) select id from hosts`;
  const token = async (group_ids: string[] | null) => {
    const id = uuidv7();
    await sql`
      insert into api_tokens (id, user_id, name, hash, hint, scopes, group_ids, created_at, expires_at)
      values (${id}, ${users.admin.id}, ${id}, decode(md5(${id}), 'hex') || decode(md5(${id}), 'hex'), 'pm_12345', '{read}',
        ${group_ids && sql.array(group_ids)}::uuid[], app_now(), app_now() + interval '1 day')`;
    return id;
  };
  const everything = sql`(select h.id from hosts h)`;
  const those = (id: string) =>
    sql`(
    select h.id from hosts h where not exists (select from host_groups g where g.host_id = h.id) or exists (
      select from host_groups g join user_groups u using (group_id) where g.host_id = h.id and u.user_id = ${id}
    )
  )`;
  /** Who looks, and which hosts they may know of. */
  const viewers: Viewer[] = [
    { who: "admin", id: users.admin.id, mine: everything },
    { who: "auditor", id: users.auditor.id, mine: everything },
    { who: "operator", id: users.operator.id, mine: those(users.operator.id) },
    { who: "stranger", id: users.stranger.id, mine: those(users.stranger.id) },
    { who: "token", id: await token(null), mine: everything },
    {
      who: "token of a group",
      id: await token([group]),
      mine: sql`(select g.host_id from host_groups g where g.group_id = ${group})`,
    },
  ];
  return { users, hosts, viewers };
}

interface Viewer {
  who: string;
  id: string;
  mine: Fragment;
}

/** What a person is refused is no step; everything else that is thrown is a defect. */
async function allowed(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!(error instanceof AppError || error instanceof LostRun)) throw error;
  });
}

/** Brings a claimed row one step on, anywhere that the state machine allows. */
async function bringOn({ fleet }: TestDatabase, run: Run, roll: () => number): Promise<void> {
  const ways = transitions[run.state];
  const to = ways[Math.floor(roll() * ways.length)];
  const patches = isFinal(to)
    ? [
      ...(await patchesOfRun(fleet, run.job_id, run.host_id)).map((patch) => ({
        ...patch,
        outcome: roll() < 0.5 ? "applied" as const : "failed" as const,
      })),
      dependency,
    ]
    : [];
  try {
    await moveRun(fleet, run, to, { patches, progress: Math.floor(roll() * 100), release_for_seconds: 0 }, systemClock);
  } catch (error) {
    if (!(error instanceof HostBusy)) throw error;
    await noteRun(fleet, run, { release_for_seconds: 0 });
  }
}

Deno.test("kept figures are what counting says after whatever people and hosts do, for every viewer", async () => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const { users, hosts, viewers } = await smallFleet(database);
  const roll = dice(20);
  const one = <T>(of: readonly T[]): T => of[Math.floor(roll() * of.length)];
  const some = () => [...new Set(Array.from({ length: 1 + Math.floor(roll() * 5) }, () => one(hosts)))];
  const anyJob = async () => one((await sql`select id from patch_jobs order by requested_at, id`).map(({ id }) => id));
  const order = (user: TestUser) => {
    const kind: JobKind = one(["apply", "apply", "apply", "dry_run", "repair", "reboot"]);
    const context = callerContext(user);
    if (kind === "repair") return createRepair(web, user, one(hosts), { reason: "" }, null, context);
    if (kind === "reboot") return createReboot(web, user, one(hosts), { delay_seconds: 60, reason: "" }, null, context);
    return createJob(web, user, { kind: kind as "apply", host_ids: some(), reason: "" }, null, context);
  };
  const person = () => one([users.admin, users.admin, users.operator]);
  const work = async () => {
    for (const run of await claimDueRuns(fleet, 1 + Math.floor(roll() * 4))) {
      await bringOn(database, run, roll);
    }
  };
  const steps: [number, () => Promise<unknown>][] = [
    [0.2, () => allowed(order(person()))],
    // Over the same hosts, and in the middle of work.
    [0.3, () => Promise.all([...[1, 2, 3].map(() => allowed(order(person()))), allowed(work())])],
    [0.35, async () => {
      const [user, id] = [person(), await anyJob()];
      await Promise.all([allowed(cancelJob(web, user, id, "", callerContext(user))), allowed(work())]);
    }],
    [0.4, async () => {
      const user = person();
      await allowed(retryFailed(web, user, await anyJob(), callerContext(user)));
    }],
    [0.42, async () => {
      if (hosts.length <= HOSTS - 3) return;
      const [gone] = hosts.splice(Math.floor(roll() * hosts.length), 1);
      await removeHost(web, users.admin.id, gone, callerContext(users.admin));
    }],
    [0.45, () => endFinishedJobs(fleet, systemClock)],
    [1, work],
  ];
  await order(users.admin);
  for (let step = 0; step < STEPS; step++) {
    const dot = roll();
    await steps.find(([below]) => dot < below)![1]();
    assert.deepEqual(await wrongJobFigures(sql), [], `after step ${step}`);
    if (step % 20 === 19) await viewsAreRight(database, viewers);
  }
  const [seen] = await sql`
    select count(*) filter (where ended_at is not null)::int as ended,
      (select count(distinct state)::int from patch_job_results) as states from patch_jobs`;
  assert.ok(seen.ended >= 10 && seen.states >= 3, `says little: ${JSON.stringify(seen)}`);
});

/** What the pages say beside the same counted plainly, row by row. */
async function viewsAreRight({ sql, web }: TestDatabase, viewers: Viewer[]): Promise<void> {
  for (const { who, id, mine } of viewers) {
    const counted = await sql`
      select r.job_id as id, sum(n)::int as hosts, json_object_agg(state, n) as counts, sum(patches)::int as patches,
        (sum(done) / sum(n))::int as progress, case when bool_and(ended) then max(ended_at)::text end as ended_at
      from (
        select r.job_id, r.state, count(*) as n, bool_and(r.ended_at is not null) as ended, max(r.ended_at) as ended_at,
          sum((
            select count(*) from patch_job_patches p
            where p.job_id = r.job_id and p.host_id = r.host_id and p.origin = 'ordered'
          )) as patches,
          sum(case when r.ended_at is null then r.progress else 100 end) as done
        from patch_job_hosts r where r.host_id in ${mine} group by r.job_id, r.state
      ) r group by r.job_id order by r.job_id`;
    const told = (await jobList(web, id, { limit: 200 })).items;
    const instant = (text: string | null) => text && Temporal.Instant.from(text.replace(" ", "T")).toString();
    assert.deepEqual(
      told.map(({ id, hosts, counts, patches, progress, ended_at }) => ({
        ...{ id, hosts, counts, patches, progress, ended_at: ended_at?.toString() ?? null },
      })).sort((x, y) => x.id < y.id ? -1 : 1),
      counted.map((row) => ({ ...row, ended_at: instant(row.ended_at) })),
      who,
    );
    const { needs } = (await dashboardHosts(web, id)).hosts;
    for (const state of ["failed", "unknown", "missed"] as const) {
      const rows = await sql`
        select h.id from hosts h where h.removed_at is null and h.id in ${mine} and ${state} = (
          select r.state from patch_job_hosts r join patch_jobs j on j.id = r.job_id
          where r.host_id = h.id and j.kind <> 'dry_run' order by r.queued_at desc, r.job_id desc limit 1
        )`;
      assert.equal(needs[`job_${state}`].hosts, rows.length, `${state} for ${who}`);
    }
  }
}

Deno.test("of two orders at once the later one is the host's last, whichever is written first", async (t) => {
  for (const first of ["earlier", "later"] as const) {
    await t.step(`the ${first} one commits first`, async () => {
      await using database = await testDatabase();
      const { sql } = database;
      const admin = await addUser(sql, "admin");
      const host = await addHost(sql);
      const jobs: Record<string, string> = {};
      const start = systemClock.now();
      // As two managers whose statements cross: each has asked for the time before the other has written.
      for (const which of first === "earlier" ? ["earlier", "later"] : ["later", "earlier"]) {
        await database.setNow(start.add({ seconds: which === "later" ? 1 : 0 }));
        jobs[which] =
          (await createRepair(database.web, admin, host, { reason: which }, null, callerContext(admin))).job_id;
      }
      const [last] = await sql`select job_id from host_last_runs`;
      assert.equal(last.job_id, jobs.later);
      assert.deepEqual(await wrongJobFigures(sql), []);
    });
  }
});

Deno.test("many orders at once over the same hosts, in any order of names, all succeed", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const hosts: string[] = [];
  for (let n = 0; n < 20; n++) {
    const id = await addHost(sql);
    await offer(sql, id, { name: "bash", to: "2.0" });
    hosts.push(id);
  }
  await Promise.all(Array.from({ length: 12 }, (_, n) => {
    const host_ids = n % 2 === 0 ? hosts : hosts.toReversed();
    return createJob(web, admin, { kind: "apply", host_ids }, null, callerContext(admin));
  }));
  assert.equal((await sql`select from patch_job_hosts`).length, 240);
  assert.deepEqual(await wrongJobFigures(sql), []);
});

Deno.test("a job whose last two hosts end in transactions that do not see one another is written down once", async () => {
  await using database = await testDatabase();
  const { sql, web, fleet } = database;
  const admin = await addUser(sql, "admin");
  const hosts = [await addHost(sql), await addHost(sql)];
  for (const id of hosts) await offer(sql, id, { name: "bash", to: "2.0" });
  await createJob(web, admin, { kind: "apply", host_ids: hosts }, null, callerContext(admin));
  await Promise.all(hosts.map((id) => transaction(web, (tx) => cancelWorkOfHost(tx, id, callerContext(admin)))));
  await Promise.all([endFinishedJobs(fleet, systemClock), endFinishedJobs(web, systemClock)]);
  const rows = await sql`select state, hosts, patches from patch_job_results`;
  assert.deepEqual(rows.map((row) => ({ ...row })), [{ state: "cancelled", hosts: 2, patches: 2 }]);
  assert.deepEqual(await wrongJobFigures(sql), []);
});

Deno.test("orders that name the same hosts in opposite order wait for one another, none for ever", async () => {
  await using database = await testDatabase();
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  const hosts: string[] = [];
  for (let n = 0; n < 150; n++) hosts.push(await addHost(sql));
  const deadline_at = systemClock.now();
  await Promise.all([hosts, hosts.toReversed(), hosts].map((ids) =>
    transaction(web, async (tx) => {
      const job = { id: uuidv7(), kind: "apply" as const, deadline_at };
      await tx`
        insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at)
        values (${job.id}, 'apply', ${admin.id}, app_now(), app_now())`;
      const order = { new_packages: null, original_agent_job_id: null, ordered_patches: 0 };
      await insertJobHosts(tx, job, ids.map((host_id) => ({ ...order, host_id, run_id: uuidv7() })));
      // A second statement, so that the transactions overlap.
      await tx`select count(*) from patch_job_hosts`;
    }, { attempts: 1 })
  ));
  assert.deepEqual(await wrongJobFigures(sql), []);
});

Deno.test("the migration counts what was there before it", async () => {
  await using database = await testDatabase();
  const { sql } = database;
  const runMigration = await migrateUntil(database, "dashboard_figures");
  const admin = await addUser(sql, "admin");
  const hosts = [await addHost(sql), await addHost(sql), await addHost(sql)];
  for (const [n, kind] of ["apply", "dry_run", "repair", "apply"].entries()) {
    const id = uuidv7();
    await sql`
      insert into patch_jobs (id, kind, requested_by, requested_at, deadline_at, ended_at)
      values (${id}, ${kind}, ${admin.id}, app_now(), app_now(), ${n < 3 ? sql`app_now()` : null})`;
    for (const [m, host] of hosts.slice(0, n === 3 ? 1 : 3 - n % 2).entries()) {
      const state = n === 3 ? "running" : m === 0 ? "failed" : "succeeded";
      await sql`
        insert into patch_job_hosts (job_id, host_id, run_id, state, next_at, deadline_at, queued_at, ended_at)
        values (${id}, ${host}, ${uuidv7()}, ${state}, app_now(), app_now(), app_now() - make_interval(mins => ${m}),
          ${n === 3 ? null : sql`app_now()`})`;
      for (const [name, origin] of [["bash", "ordered"], ["curl", "ordered"], ["libnew", "dependency"]].slice(m)) {
        await sql`
          insert into patch_job_patches (job_id, host_id, name, origin) values (${id}, ${host}, ${name}, ${origin})`;
      }
    }
  }
  await runMigration();
  assert.equal((await sql`select from host_last_runs`).length, 3);
  assert.equal((await sql`select from patch_job_results`).length, 6);
  assert.deepEqual(await wrongJobFigures(sql), []);
});
