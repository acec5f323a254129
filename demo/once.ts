import type { z } from "@hono/zod-openapi";
import type { HostList, HostPackageList, HostPatchList } from "../routes/(_api)/host_schemas.ts";
import { Checks } from "./checks.ts";
import type { AddressRange } from "./address_range.ts";
import { ApiClient } from "./api_client.ts";
import type { Child } from "./child.ts";
import { enrolRealHost, REAL_HOST_NAME, realHostPaths, startRealHost, startSimulatedHosts } from "./hosts.ts";
import type { Manager } from "./manager.ts";
import { type JobHostAnswer, runJob } from "./once_job.ts";
import { inspectSandbox, type SandboxAnswer } from "./sandbox_inspection.ts";
import type { DemoApp } from "./second_factor.ts";
import { bold, say, step, table } from "./words.ts";

export interface OnceOptions {
  /** The folder of the checkout. */
  root: string;
  state: string;
  manager: Manager;
  range: AddressRange;
  started(child: Child): void;
  /** Simulated hosts. */
  hosts: number;
  seed: number;
  /** False where this machine has no apt: then the job is done on simulated hosts. */
  real: boolean;
  /** The app of the admin; null where a person has set up their own. */
  app: DemoApp | null;
}

type Host = z.infer<typeof HostList>["items"][number];
type PendingPatch = z.infer<typeof HostPatchList>["items"][number];

/** The package whose maintainer script fails: that has to be told, not hidden. */
const FAILING = "osprey-agent";

/**
 * The main job without a person, as a client of the REST API: enrol, poll, show what is pending, try it out, apply it,
 * and compare with what the package database says.
 * @returns the exit code: 0 everything held, 1 something did not, which was said
 */
export async function runOnce(options: OnceOptions): Promise<number> {
  const { manager, real } = options;
  const api = new ApiClient(manager.url, manager.ca);
  await step(
    "Signed in with the one-time password and a code; the password was changed",
    () => signIn(api, manager, options.app),
  );
  const tokens = async (count: number) => {
    const { items } = await api.call("POST", "/enrolment-tokens", { count, label: "demo --once" });
    return items.map(({ token }: { token: string }) => token);
  };
  const fleet = { ...options, tokens };
  if (real) {
    await step(`${REAL_HOST_NAME} is enrolled with a token, its agent and executor run`, async () => {
      await enrolRealHost(fleet);
      await startRealHost(fleet);
    });
  }
  if (options.hosts > 0) {
    await step(
      `${options.hosts} simulated hosts are enrolled`,
      () => startSimulatedHosts(fleet, options.hosts, options.seed),
    );
  }
  const host = await step("Polled: the host is healthy and has reported", () => firstReport(api, real));
  const checks = new Checks();
  const root = realHostPaths(options.state).root;
  const before = await pendingOf(api, host);
  const apt = real ? await inspectSandbox(root) : null;
  showPending(host, before);

  const wanted = before.filter((one) => one.security && one.state === "installable");
  const order = { host_ids: [host.id], packages: wanted.map(nameAndVersion), security_only: true };
  say(bold(`\nDry run of the security updates on ${host.name}`));
  const plan = await runJob(api, { ...order, kind: "dry_run", reason: "demo: try out" });
  showPlan(plan.hosts[0]);
  const untouched = apt && sameVersions(apt, await inspectSandbox(root));

  say(bold(`\nApply the security updates on ${host.name}`));
  const applied = await runJob(api, { ...order, kind: "apply", reason: "demo: security updates" });
  const failing = before.find((one) => real && one.name === FAILING);
  if (failing) say(bold(`\nApply ${FAILING}, whose maintainer script fails`));
  const failed = failing && await runJob(api, {
    kind: "apply",
    host_ids: [host.id],
    packages: [nameAndVersion(failing)],
    reason: "demo: an update that fails",
  });

  say();
  const last = failed ?? applied;
  const after = await step("The host has reported again", () => reportAfter(api, host, last.job.ended_at!))
    .then(() => pendingOf(api, host));

  say(bold("\nSummary"));
  const installed = await installedVersions(api, host);
  const now = real ? await inspectSandbox(root) : null;
  say(table(["package", "before", "planned", "dpkg says now", "result"], resultRows(applied.hosts[0], now)));
  say();
  checks.holds("the dry run ended as succeeded", plan.job.state === "succeeded", plan.hosts[0]?.error);
  if (apt) {
    checks.same("updates pending before: manager, apt", before.length, apt.upgradable.length);
    checks.same("security updates pending before: manager, apt", security(before), security(apt.upgradable));
    checks.holds("the dry run changed nothing on the host", untouched === true);
  }
  checks.holds("the apply ended as succeeded", applied.job.state === "succeeded", applied.hosts[0]?.error);
  checks.same("security updates: ordered, applied", wanted.length, appliedOf(applied.hosts[0]));
  if (now) {
    checks.same("versions that differ between manager and dpkg", differing(installed, now.installed), 0);
    checks.same("updates pending after: manager, apt", after.length, now.upgradable.length);
    checks.same("security updates pending after: manager, apt", security(after), security(now.upgradable));
  } else checks.same("security updates pending after", security(after), 0);
  if (failed) {
    const reason = failed.hosts[0]?.packages.find((one) => one.name === FAILING)?.reason;
    checks.holds(`${FAILING} is told as failed`, failed.job.state === "failed" && !!reason, reason);
  }
  return checks.verdict();
}

async function signIn(api: ApiClient, manager: Manager, app: DemoApp | null): Promise<void> {
  const text = await Deno.readTextFile(manager.initial_password_file).catch(() => null);
  if (text === null) {
    throw new Error("The one-time password of this state was used already. Add --reset, or leave out --state.");
  }
  const current_password = text.trim();
  await api.login("admin", current_password, () => {
    if (app) return app.code();
    throw new Error("The second factor of this state is somebody's own. Add --reset, or leave out --state.");
  });
  const new_password = `${crypto.randomUUID()}-${crypto.randomUUID()}`;
  await api.changePassword(current_password, new_password);
}

/** Seconds in which a host has to be polled. */
const POLL_SECONDS = 60;

/** The real host, else the first simulated one, once it is healthy and its packages are known. */
function firstReport(api: ApiClient, real: boolean): Promise<Host> {
  return untilHost(api, real ? REAL_HOST_NAME : "", (host) => host.health === "healthy" && host.installed > 0);
}

/** Waits for a report that was taken after an instant (RFC 3339). */
function reportAfter(api: ApiClient, { fqdn }: Host, instant: string): Promise<Host> {
  return untilHost(api, fqdn, (host) => Date.parse(host.report_received_at ?? instant) > Date.parse(instant));
}

async function untilHost(api: ApiClient, name: string, good: (host: Host) => boolean): Promise<Host> {
  const end = performance.now() + POLL_SECONDS * 1000;
  const search = new URLSearchParams({ search: name });
  let asked = false;
  for (;;) {
    const { items }: z.infer<typeof HostList> = await api.call("GET", `/hosts?${search}`);
    const found = items.find(good);
    if (found) return found;
    // Between enrolment and the agent's start lies a poll that could not succeed: do not wait for its repetition.
    if (!asked && items.length > 0) await api.call("POST", "/hosts/refresh", { host_ids: items.map(({ id }) => id) });
    asked ||= items.length > 0;
    if (performance.now() > end) {
      const words = items.map((host) => `${host.name}: ${host.health_reason ?? host.health}`).join("; ");
      throw new Error(`No report came within ${POLL_SECONDS} s (${words || "no host is known"}).`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function pendingOf(api: ApiClient, { id }: Host): Promise<PendingPatch[]> {
  const { items }: z.infer<typeof HostPatchList> = await api.call("GET", `/hosts/${id}/patches?limit=1000`);
  return items;
}

async function installedVersions(api: ApiClient, { id }: Host): Promise<Map<string, string>> {
  const { items }: z.infer<typeof HostPackageList> = await api.call("GET", `/hosts/${id}/packages?limit=1000`);
  return new Map(items.map(({ name, version }) => [name, version]));
}

const nameAndVersion = ({ name, available_version }: PendingPatch) => ({ name, version: available_version });
const security = (list: { security: boolean }[]) => list.filter((one) => one.security).length;

function appliedOf(host: JobHostAnswer | undefined): number {
  return host?.packages.filter(({ origin, outcome }) => origin === "ordered" && outcome === "applied").length ?? 0;
}

function sameVersions(one: SandboxAnswer, other: SandboxAnswer): boolean {
  return one.installed.size === other.installed.size && differing(one.installed, other.installed) === 0;
}

/** Packages that only one of the two has, or in another version. */
function differing(one: Map<string, string>, other: Map<string, string>): number {
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name)).length;
}

function showPending(host: Host, patches: PendingPatch[]): void {
  say(bold(`\nPending on ${host.name}${host.simulated ? " (simulated)" : ""}`));
  const rows = patches.map((one) => [
    one.name,
    one.current_version ?? "",
    one.available_version,
    one.security ? "security" : "ordinary",
    one.state === "installable" ? "" : `not now: ${one.state.replace("_", " ")}`,
    one.cve_ids.join(" "),
  ]);
  say(table(["package", "installed", "on offer", "kind", "", ""], rows));
}

function showPlan(host: JobHostAnswer | undefined): void {
  const changes = host?.packages.filter(({ outcome }) => outcome === "would_apply") ?? [];
  say(table(
    ["package", "would", "from", "to"],
    changes.map(({ name, action, from_version, to_version }) => [name, action, from_version ?? "", to_version ?? ""]),
  ));
}

function resultRows(host: JobHostAnswer | undefined, now: SandboxAnswer | null): string[][] {
  return (host?.packages ?? []).map(({ name, from_version, to_version, outcome }) => [
    name,
    from_version ?? "",
    to_version ?? "",
    now ? now.installed.get(name) ?? "not installed" : "(simulated)",
    outcome,
  ]);
}
