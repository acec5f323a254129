import { epochMs } from "../../core/clock.ts";
import { reason } from "../../core/errors.ts";
import { OperationError, type RebootOrder } from "../host_operations.ts";
import { readBootId } from "./boot_id.ts";
import {
  beginJob,
  cancelJob,
  deadlinePassed,
  endJob,
  failJob,
  type JobContext,
  type JobControl,
  stepJob,
} from "./job_context.ts";
import type { JobRecord } from "./job_record.ts";
import { startDetached } from "./process.ts";
import { findRestartNeeds } from "./restart_needs.ts";

/** How long after its time a restart may take before it counts as failed. Milliseconds. */
const REBOOT_LIMIT_MS = 1_800_000;
/** systemd's shutdown answers at once; that of other init systems stays until it is time. Milliseconds. */
const ANSWER_MS = 10_000;
/** How often is looked whether the restart has happened or was taken back. Milliseconds. */
const LOOK_MS = 500;
/** What every terminal of the host shows; plain words, because it is an argument. */
const WALL = "Restart ordered by Linux Patch Manager. An administrator can stop it with: shutdown -c";

/** Restarts the host by order of its operator. */
export async function runReboot(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  order: RebootOrder,
): Promise<void> {
  beginJob(context, record, "Ordering the restart");
  if (context.reboot_program === null) {
    const words = "A system below a folder cannot be restarted: the executor was given no command for it.";
    return void failJob(context, record, { code: "REBOOT_ERROR", words });
  }
  const { state, words } = await context.manager.database();
  if (state === "locked") {
    return void failJob(context, record, { code: "REBOOT_ERROR", words: `The host was not restarted. ${words}` });
  }
  if (control.cancelled) return void cancelJob(context, record);
  if (deadlinePassed(context, record)) return;
  await orderReboot(context, record, control, order.reboot_delay_seconds, "");
}

/**
 * Restarts the host after a successful apply where its order says so.
 * @param done what the job did, in words
 * @returns false when there is no restart and the job is still to be ended
 */
export async function restartAfter(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  done: string,
  exit_code: number | null,
): Promise<boolean> {
  const { order } = record;
  if (order.operation !== "apply" || order.reboot === "never") return false;
  if (order.reboot === "needed" && !record.job.restart?.reboot) return false;
  record.job.exit_code = exit_code;
  if (context.reboot_program === null) {
    // Asked for and not done has to be said; the page shows the pending restart besides.
    const message = `${done} The host needs a restart, which a system below a folder cannot do by itself.`;
    endJob(context, record, { status: "completed", message });
    return true;
  }
  await orderReboot(context, record, control, order.reboot_delay_seconds, done);
  return true;
}

async function orderReboot(
  context: JobContext,
  record: JobRecord,
  control: JobControl,
  delay_seconds: number,
  done: string,
): Promise<void> {
  const minutes = Math.ceil(delay_seconds / 60);
  const when = minutes === 0 ? "now" : `+${minutes}`;
  record.job.boot_id_before = await readBootId(context.root);
  record.stage = "rebooting";
  record.reboot_due_ms = epochMs(context.clock) + minutes * 60_000;
  record.done_words = done;
  const message = [done, minutes === 0 ? "The host restarts now." : `The host restarts in ${minutes} min.`].join(" ");
  // On disk before the command: whoever reads this record after the restart must know which boot it was.
  stepJob(context, record, { phase: "reboot-wait", message: message.trim() }, { required: true });
  const answer = await callReboot(context, record, ["-r", when, WALL]);
  if (answer !== null) return fail(context, record, `The restart could not be ordered: ${answer}`);
  await watchReboot(context, record, control);
}

/**
 * Waits for the restart, before it and, taken up by the executor of the next boot, after it. Ends the job when the
 * boot id has changed, when somebody took the restart back, or when it is overdue.
 */
export async function watchReboot(context: JobContext, record: JobRecord, control: JobControl): Promise<void> {
  let stopped = false;
  control.stop_reboot = async () => {
    const answer = await callReboot(context, record, ["-c"]);
    if (answer !== null) {
      throw new OperationError("CANCEL_TOO_LATE", `The restart could not be taken back: ${answer}`);
    }
    stopped = true;
    endStopped(context, record);
  };
  // A cancel that came while the order was on its way found nothing to take back yet.
  if (control.cancelled) {
    await control.stop_reboot().catch((error) => {
      control.cancelled = false;
      stepJob(context, record, { message: `${record.job.message} ${reason(error)}` });
    });
  }
  const { boot_id_before } = record.job;
  while (!stopped && !context.closing.aborted) {
    const boot_id = await readBootId(context.root);
    if (boot_id !== null && boot_id_before !== null && boot_id !== boot_id_before) {
      return await endRestarted(context, record, boot_id);
    }
    const left = record.reboot_due_ms! - epochMs(context.clock);
    if (left > 5_000 && await wasTakenBack(context.root)) {
      return fail(context, record, "The restart was taken back on the host (shutdown -c), so it did not happen.");
    }
    if (left < -REBOOT_LIMIT_MS) {
      return fail(context, record, `The host did not restart within ${REBOOT_LIMIT_MS / 60_000} minutes of its time.`);
    }
    if (stopped) return;
    // The machine's own boot id cannot change under a running process; below a root it can.
    await pause(context.root === null ? 10 * LOOK_MS : LOOK_MS, context.closing);
  }
}

async function endRestarted(context: JobContext, record: JobRecord, boot_id: string): Promise<void> {
  record.job.boot_id_after = boot_id;
  record.job.restart = await findRestartNeeds(context);
  const left = record.job.restart.reboot ? ` It still asks for one: ${record.job.restart.reasons[0] ?? ""}` : "";
  const message = `${record.done_words} The host has restarted.${left}`.trim();
  endJob(context, record, { status: "completed", message });
}

/** What was installed stays; only a job that was nothing but a restart counts as cancelled. */
function endStopped(context: JobContext, record: JobRecord): void {
  if (record.order.operation === "reboot") {
    cancelJob(context, record, "Cancelled: the restart was taken back.");
    return;
  }
  const message = `${record.done_words} The restart that was to follow was cancelled.`.trim();
  endJob(context, record, { status: "completed", message });
}

function fail(context: JobContext, record: JobRecord, words: string): void {
  const message = `${record.done_words} ${words}`.trim();
  endJob(context, record, { status: "failed", error_code: "REBOOT_ERROR", error: words, message });
}

/** Calls the program; why it did not work, in words, or null. */
async function callReboot(context: JobContext, record: JobRecord, args: string[]): Promise<string | null> {
  const program = context.reboot_program!;
  const env = { LC_ALL: "C.UTF-8", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  try {
    const process = await startDetached({ program, args, env }, context.store.outputPath(record), null);
    const answered = new AbortController();
    const exit = await Promise.race([process.ended, pause(ANSWER_MS, answered.signal)]);
    answered.abort();
    if (!exit || exit.code === 0) return null;
    return exit.code === null ? `${program} was ended by ${exit.signal}.` : `${program} ended with ${exit.code}.`;
  } catch (error) {
    return `${program}: ${reason(error)}`;
  }
}

/**
 * True when the init system knows of no restart although one was ordered: systemd keeps the order in a file and
 * removes it on `shutdown -c`. Without systemd nothing can be said.
 */
async function wasTakenBack(root: string | null): Promise<boolean> {
  const path = (name: string) => `${root ?? ""}/run/systemd/${name}`;
  return await isThere(path("system")) && !await isThere(path("shutdown/scheduled"));
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function pause(ms: number, end: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    end.addEventListener("abort", done);
    if (end.aborted) done();
    function done() {
      clearTimeout(timer);
      end.removeEventListener("abort", done);
      resolve(null);
    }
  });
}
