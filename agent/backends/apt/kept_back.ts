import { planArguments, type Target } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { dependencyLine } from "./failures.ts";
import { parseSimulation } from "./simulation.ts";

/** Why apt keeps an update back, found by asking it to install just that one. At most 512 characters. */
export async function keptBackReason(root: string | null, wanted: Target): Promise<string> {
  const answer = await read(aptCall(root, programs.apt_get, planArguments([wanted])));
  if (answer.code !== 0) {
    const line = dependencyLine(answer.stdout + answer.stderr);
    return `Kept back: ${line ?? "apt finds no way to install it"}.`.slice(0, 512);
  }
  const removed = parseSimulation(answer.stdout).filter((item) => item.action === "remove").map((item) => item.name);
  if (removed.length > 0) return `Kept back: it would remove ${removed.join(", ")}.`.slice(0, 512);
  return "Kept back: it cannot be installed together with the other updates.";
}
