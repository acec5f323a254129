import { cancelJob } from "../../core/jobs/cancel_job.ts";
import { claimDueRuns } from "../../core/jobs/claim_runs.ts";
import { createJob } from "../../core/jobs/create_job.ts";
import { type MoveOptions, moveRun } from "../../core/jobs/move_run.ts";
import { recordProgress } from "../../core/jobs/record_progress.ts";
import { patchesOfRun } from "../../core/jobs/run_store.ts";
import type { HostState, JobOrderInput, JobPatch, Progress, Run } from "../../core/jobs/types.ts";
import type { TestDatabase } from "../../testing/database.ts";
import { callerContext, type TestUser } from "../../testing/job_scenario.ts";
import type { Fleet, Past } from "./fleet.ts";

/** Plays the fleet role for the scenario's jobs, through its own use cases. */
export class Work {
  #runs = new Map<string, Run>();
  constructor(private readonly database: TestDatabase, readonly past: Past, private readonly user: TestUser) {}

  async order(order: Omit<JobOrderInput, "kind"> & { kind?: "apply" | "dry_run" }): Promise<string> {
    const { database, user, past } = this;
    const { job_id } = await createJob(
      database.web,
      user,
      { kind: "apply", ...order },
      null,
      callerContext(user, past),
    );
    return job_id;
  }

  cancel(job_id: string, reason: string) {
    return cancelJob(this.database.web, this.user, job_id, reason, callerContext(this.user, this.past));
  }

  /** Takes what is due. Other jobs' rows are kept too: whoever moves them next has the right fence. */
  async claim(): Promise<void> {
    for (const run of await claimDueRuns(this.database.fleet, 1_000)) this.#runs.set(run.job_id + run.host_id, run);
  }

  async move(job_id: string, host_id: string, to: HostState, options: MoveOptions = {}): Promise<void> {
    const run = this.#runs.get(job_id + host_id);
    if (!run) throw new Error("claim it first");
    this.#runs.set(job_id + host_id, await moveRun(this.database.fleet, run, to, options, this.past));
  }

  async say(job_id: string, host_id: string, progress: Progress): Promise<void> {
    await recordProgress(this.database.fleet, this.#runs.get(job_id + host_id)!, progress);
  }

  /** From queued to installing. */
  async begin(job_id: string, host_id: string): Promise<void> {
    await this.move(job_id, host_id, "dispatching", { dispatched: true, message: "Sending the order." });
    await this.move(job_id, host_id, "running", { started: true, message: "The host has taken the order." });
  }

  /** The ordered packages with what came of them; `failed` gives reasons by name. */
  async outcomes(job_id: string, host_id: string, failed: Record<string, string> = {}): Promise<JobPatch[]> {
    const ordered = await patchesOfRun(this.database.fleet, job_id, host_id);
    return ordered.map((one) =>
      failed[one.name]
        ? { ...one, outcome: "failed", reason: failed[one.name] }
        : { ...one, outcome: "applied", reason: null }
    );
  }

  /** Begins, logs, verifies and succeeds. */
  async succeed(job_id: string, host_id: string): Promise<void> {
    await this.begin(job_id, host_id);
    const patches = await this.outcomes(job_id, host_id);
    await this.say(job_id, host_id, { progress: 80, phase: "install", output: aptLog(patches) });
    await this.move(job_id, host_id, "verifying", { message: "Reading the package database." });
    const message =
      `${patches.length} of ${patches.length} packages are at the ordered version, as read from the host.`;
    await this.move(job_id, host_id, "succeeded", { progress: 100, message, patches });
  }

  async fail(job_id: string, host_id: string, failed: Record<string, string>, error: string): Promise<void> {
    await this.begin(job_id, host_id);
    const patches = await this.outcomes(job_id, host_id, failed);
    await this.say(job_id, host_id, {
      progress: 70,
      phase: "install",
      output: aptLog(patches) +
        Object.keys(failed).map((name) =>
          `dpkg: error processing package ${name} (--configure):\n installed ${name} package post-installation script ` +
          "subprocess returned error exit status 1\n"
        ).join("") + "Errors were encountered while processing:\n" +
        Object.keys(failed).map((name) => ` ${name}\n`).join("") +
        "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
    });
    await this.move(job_id, host_id, "verifying", { message: "Reading the package database." });
    const good = patches.filter(({ outcome }) => outcome === "applied").length;
    await this.move(job_id, host_id, "failed", {
      message: `${good} of ${patches.length} packages are at the ordered version. The host says: ${error}`,
      error,
      error_code: "PKG_MANAGER_ERROR",
      patches,
    });
  }
}

/** What apt and dpkg write while they install these packages. */
export function aptLog(patches: Pick<JobPatch, "name" | "from_version" | "to_version">[]): string {
  return [
    "Reading package lists...",
    "Building dependency tree...",
    "Reading state information...",
    `The following packages will be upgraded:`,
    `  ${patches.map(({ name }) => name).join(" ")}`,
    `${patches.length} upgraded, 0 newly installed, 0 to remove and 12 not upgraded.`,
    ...patches.map(({ name, to_version }, index) =>
      `Get:${index + 1} http://deb.example.org/debian bookworm/main amd64 ${name} amd64 ${to_version}`
    ),
    ...patches.flatMap(({ name, from_version, to_version }) => [
      `Preparing to unpack .../${name}_${to_version}_amd64.deb ...`,
      `Unpacking ${name} (${to_version}) over (${from_version}) ...`,
    ]),
    ...patches.map(({ name, to_version }) => `Setting up ${name} (${to_version}) ...`),
    "Processing triggers for man-db (2.11.2-2) ...",
    "Processing triggers for libc-bin (2.36-9+deb12u8) ...",
    "",
  ].join("\n");
}

/** Jobs by what they show. */
export interface Jobs {
  succeeded: string;
  partly: string;
  unknown: string;
  dry_run: string;
  cancelled: string;
  waiting: string;
  batch: string;
  live: string;
  queued: string;
}

/** A job in every state that the first slice has; the open ones stand where they were left. */
export async function seedJobs(work: Work, { hosts }: Fleet): Promise<Jobs> {
  const { past } = work;
  const ordered = async (minutes_ago: number, order: Parameters<Work["order"]>[0]) => {
    await past.at(minutes_ago);
    const job_id = await work.order(order);
    await work.claim();
    await past.at(minutes_ago - 1);
    return job_id;
  };

  const succeeded = await ordered(60 * 26, { host_ids: [hosts.web5], reason: "CHG0041877: monthly round" });
  await past.at(60 * 26 - 4);
  await work.succeed(succeeded, hosts.web5);

  const partly = await ordered(60 * 5, {
    host_ids: [hosts.app1, hosts.app2, hosts.degraded],
    reason: "Security round of November, first wave",
  });
  await work.succeed(partly, hosts.app1);
  await work.succeed(partly, hosts.app2);
  await work.fail(
    partly,
    hosts.degraded,
    { libxml2: "post-installation script returned error exit status 1" },
    "Sub-process /usr/bin/dpkg returned an error code (1).",
  );

  const unknown = await ordered(60 * 3, { host_ids: [hosts.unreachable] });
  await work.begin(unknown, hosts.unreachable);
  await past.at(60 * 2);
  await work.move(unknown, hosts.unreachable, "unknown", {
    message: "The host may have changed. Read it again before you order anything there.",
    error: "The host does not answer any more, and the time of the job is over.",
    error_code: "lost",
  });

  const dry_run = await ordered(95, { kind: "dry_run", host_ids: [hosts.real] });
  await work.begin(dry_run, hosts.real);
  const would = (await work.outcomes(dry_run, hosts.real)).map((one) => ({ ...one, outcome: "would_apply" as const }));
  const dependency = (name: string, to_version: string, from_version: string | null, action: JobPatch["action"]) => ({
    name,
    arch: "amd64",
    from_version,
    to_version,
    origin: "dependency" as const,
    action,
    outcome: "would_apply" as const,
    reason: null,
  });
  await work.move(dry_run, hosts.real, "succeeded", {
    progress: 100,
    message: `${would.length + 2} packages would change.`,
    patches: [
      ...would,
      dependency("openssl-provider-legacy", "3.0.17-1~deb12u3", null, "install"),
      dependency("libzstd1", "1.5.4+dfsg2-5", "1.5.2+dfsg-1", "upgrade"),
    ],
  });

  const cancelled = await ordered(80, { host_ids: [hosts.app4, hosts.app5], reason: "Wrong wave" });
  await work.cancel(cancelled, "Chosen by mistake: staging is frozen until Monday.");

  const waiting = await ordered(12, { host_ids: [hosts.gone] });
  await work.move(waiting, hosts.gone, "dispatching", { dispatched: true });
  await work.move(waiting, hosts.gone, "waiting", {
    message: "The host could not be reached: no route to host.",
    communication_failures: 2,
    dispatched: null,
    release_for_seconds: 1_800,
  });

  const batch = await ordered(6, {
    host_ids: [hosts.web1, hosts.web2, hosts.web3, hosts.web4, hosts.disk, hosts.stale, hosts.unicode],
    reason: "CVE-2026-2511",
  });
  await work.succeed(batch, hosts.web1);
  await work.fail(
    batch,
    hosts.disk,
    { openssl: "No space left on device", libssl3: "not reached" },
    "E: You don't have enough free space in /var/cache/apt/archives/.",
  );
  await work.begin(batch, hosts.web2);
  await work.say(batch, hosts.web2, {
    progress: 62,
    phase: "install",
    message: "Unpacking libcurl4",
    output: "Unpacking libcurl4 ...\n",
  });
  await work.begin(batch, hosts.web3);
  await work.say(batch, hosts.web3, { progress: 95, phase: "verify", message: "Reading the package database" });
  await work.move(batch, hosts.web3, "verifying", { message: "Reading the package database." });
  await work.move(batch, hosts.web4, "dispatching", { dispatched: true, message: "Sending the order." });
  await past.at(4);
  const live = await ordered(4, { host_ids: [hosts.many], reason: "Security round of November" });
  await past.at(3);
  await work.begin(live, hosts.many);
  const packages = await work.outcomes(live, hosts.many);
  const lines = aptLog(packages).split("\n");
  await work.say(live, hosts.many, {
    progress: 41,
    phase: "install",
    message: "Unpacking libwebp7",
    seq: 12,
    output: lines.slice(0, 90).join("\n") + "\n",
  });
  await past.at(2);
  const queued = await work.order({ host_ids: [hosts.app7, hosts.app8], reason: "" });
  await past.at(0);
  return { succeeded, partly, unknown, dry_run, cancelled, waiting, batch, live, queued };
}
