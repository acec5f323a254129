import { systemClock } from "../core/clock.ts";
import type { Arguments } from "./command_line.ts";
import { examine } from "./doctor.ts";
import type { Finding } from "./doctor_finding.ts";
import { withServiceOptions } from "./service_options.ts";

const SIGNS: Record<Finding["state"], string> = { ok: "ok      ", problem: "PROBLEM ", left_out: "left out" };

/** `patch-agent doctor`: looks and changes nothing. Answers the exit code: 0 all is well, 1 something is not. */
export async function runDoctor(given: Arguments): Promise<number> {
  const args = await withServiceOptions(given);
  const findings = await examine({
    state: args.path("state"),
    listen: args.endpoint("listen"),
    executor: args.path("executor"),
    rules: args.addresses("allow"),
    clock: systemClock,
    runtime: Deno.version.deno,
  });
  const well = findings.every((finding) => finding.state === "ok");
  if (args.on("json")) console.log(JSON.stringify({ ok: well, findings }));
  else for (const { check, state, message } of findings) console.log(`${SIGNS[state]}  ${check.padEnd(16)} ${message}`);
  return well ? 0 : 1;
}
