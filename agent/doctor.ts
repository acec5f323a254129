import { reason } from "../core/errors.ts";
import { checkCertificate, checkRenewal, checkRevocationList } from "./doctor_certificate.ts";
import { checkExecutor, checkSocket } from "./doctor_executor.ts";
import { type Check, type DoctorOptions, type Finding, type Looked, ok, problem } from "./doctor_finding.ts";
import { checkFiles, checkFolder, checkUser } from "./doctor_files.ts";
import { checkAddresses, checkClock, checkManager, checkPort } from "./doctor_network.ts";

const checks: [name: string, check: Check][] = [
  ["runtime", checkRuntime],
  ["folder", checkFolder],
  ["user", checkUser],
  ["files", checkFiles],
  ["certificate", checkCertificate],
  ["renewal", checkRenewal],
  ["revocation_list", checkRevocationList],
  ["manager", checkManager],
  ["clock", checkClock],
  ["addresses", checkAddresses],
  ["port", checkPort],
  ["socket", checkSocket],
  ["executor", checkExecutor],
];

/** Looks at everything that has to be right for this host to be reached and patched. Reads only; never throws. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    try {
      const looked = await check(options);
      if (looked) findings.push({ check: name, ...looked });
    } catch (thrown) {
      findings.push({ check: name, ...problem(wordsOf(thrown)) });
    }
  }
  return findings;
}

/** Older ones let a TLS ticket past the certificate check and have no Temporal. */
const OLDEST_RUNTIME = [2, 9, 0];

function checkRuntime({ runtime }: DoctorOptions): Looked {
  const parts = runtime.split(".").map(Number);
  const at = OLDEST_RUNTIME.findIndex((oldest, i) => (parts[i] ?? 0) !== oldest);
  if (at < 0 || (parts[at] ?? 0) > OLDEST_RUNTIME[at]) return ok(`Deno ${runtime}.`);
  return problem(`Deno ${runtime} is too old. Use ${OLDEST_RUNTIME.join(".")} or later.`);
}

function wordsOf(thrown: unknown): string {
  if (thrown instanceof Deno.errors.PermissionDenied) {
    return `${reason(thrown)}. Run this as root or as the user of the service.`;
  }
  return reason(thrown);
}
