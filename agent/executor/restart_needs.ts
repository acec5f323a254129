import type { z } from "zod";
import type { RestartNeeds } from "../../protocol/api.ts";
import { reason } from "../../core/errors.ts";
import type { JobContext } from "./job_context.ts";
import { readRestartNeeds } from "./needrestart.ts";

/**
 * What still runs in an older version after a job: the host's own mark, a newer kernel, and the services that
 * needrestart names where it is installed. Never throws: a job that worked must not fail over what comes after it.
 */
export async function findRestartNeeds(
  context: Pick<JobContext, "manager" | "root" | "log">,
): Promise<z.infer<typeof RestartNeeds>> {
  try {
    const [reboot, running] = [await context.manager.reboot(), await readRestartNeeds(context.root)];
    const reasons = [...reboot.reasons];
    if (running.kernel !== null && !reasons.some((words) => words.includes(running.kernel!))) {
      reasons.push(`Kernel ${running.kernel} is installed and does not run yet`);
    }
    if (running.init !== null) {
      reasons.push(`The init system itself still runs older code: \`${running.init}\` changes that without a restart`);
    }
    return {
      services: running.services,
      kernel: running.kernel,
      reboot: reboot.required || running.kernel !== null,
      reasons: reasons.map((words) => words.slice(0, 512)).slice(0, 64),
    };
  } catch (error) {
    context.log.warn("restart.unknown", { message: reason(error) });
    const words = `What needs a restart could not be found out: ${reason(error)}`;
    return { services: [], kernel: null, reboot: false, reasons: [words.slice(0, 512)] };
  }
}
