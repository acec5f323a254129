import { reason } from "../core/errors.ts";
import { type Check, leftOut, ok, problem } from "./doctor_finding.ts";
import { absent } from "./doctor_files.ts";
import { connectExecutor } from "./executor_client.ts";

const octal = (mode: number) => (mode & 0o7777).toString(8).padStart(4, "0");

/** The root side's socket: there, a socket, out of reach for everybody but its user and group. */
export const checkSocket: Check = async ({ executor }) => {
  const folder = executor.slice(0, executor.lastIndexOf("/")) || "/";
  const around = await Deno.lstat(folder).catch(absent);
  const info = around === null ? null : await Deno.lstat(executor).catch(absent);
  if (around === null || info === null) {
    return problem(`${executor} is missing: the root side does not run. Run: systemctl start patch-executor`);
  }
  if (!info.isSocket) return problem(`${executor} is not a socket.`);
  // One of the two is enough to keep others out; the folder is what the unit sets up.
  const open = ((around.mode ?? 0) & 0o007) !== 0 && ((info.mode ?? 0) & 0o006) !== 0;
  const modes = `folder ${octal(around.mode ?? 0)}, socket ${octal(info.mode ?? 0)}`;
  if (open) return problem(`Every user of this machine can order updates: ${modes}. Run: chmod 0750 ${folder}`);
  return ok(`${executor} is for its user and group only (${modes}).`);
};

/** The root side answers, and says what it thinks of the package manager. */
export const checkExecutor: Check = async ({ executor }) => {
  if (await Deno.lstat(executor).catch(() => null) === null) return leftOut("Without its socket it cannot be asked.");
  const operations = connectExecutor(executor, { timeout_ms: 10_000 });
  try {
    const health = await operations.health();
    const state = health.checks?.package_manager ?? "ok";
    const words = (health.problems ?? []).join(" ");
    if (state === "broken" || state === "interrupted") {
      return problem(`The package manager is ${state}. ${words}`.trim());
    }
    if (health.status === "degraded") return problem(words || "The root side says that it is degraded.");
    return ok(`The root side answers; the package manager is ${state}, the index ${health.cache_status ?? "unknown"}.`);
  } catch (thrown) {
    return problem(`The root side does not answer: ${reason(thrown)}`);
  } finally {
    await operations.close();
  }
};
