import type { ApplyRequest, RebootRequest, RepairRequest } from "../protocol/api.ts";
import { rfc3339 } from "../core/clock.ts";
import type { Run } from "../core/jobs/types.ts";

/** What is sent to a host for a run. */
export interface SentOrder {
  path: string;
  body: ApplyRequest | RepairRequest | RebootRequest;
}

/** The order of a run, from what is stored of it. `versions`: what is left to install, exactly. */
export function orderOf(run: Run, versions: Record<string, string>): SentOrder {
  const common = {
    idempotency_key: run.run_id,
    deadline: rfc3339(run.deadline_at),
    ...(run.agent_state_id === null ? {} : { state_id: run.agent_state_id }),
  };
  switch (run.kind) {
    case "apply":
    case "dry_run":
      return { path: "/api/v1/patches/apply", body: { ...applyBody(run, versions), ...common } };
    case "repair":
      return { path: "/api/v1/system/repair", body: common };
    case "rollback":
      if (run.original_agent_job_id === null) throw new Error("a rollback without the job that it takes back");
      return { path: `/api/v1/jobs/${encodeURIComponent(run.original_agent_job_id)}/rollback`, body: common };
    case "reboot":
      return {
        path: "/api/v1/system/reboot",
        body: { ...common, delay_seconds: run.reboot_delay_seconds, force: false },
      };
  }
}

function applyBody(run: Run, versions: Record<string, string>): ApplyRequest {
  // A public agent restarts in any case when it is told that it may, needed or not.
  const blunt = run.agent_state_id === null && run.reboot === "needed";
  const reboot_when = run.kind === "dry_run" || blunt ? "never" : run.reboot;
  return {
    packages: Object.keys(versions),
    versions,
    // Both names: some agents read only one of them.
    allow_reboot: reboot_when !== "never",
    reboot: reboot_when !== "never",
    reboot_when,
    ...(reboot_when === "never" ? {} : { reboot_delay_seconds: run.reboot_delay_seconds }),
    ...(run.new_packages === null ? {} : { new_packages: run.new_packages }),
    dry_run: run.kind === "dry_run",
  };
}

/** Why an agent does not know an order at all, in words for the person who gave it; null for the rest. */
export function unknownOrder(run: Pick<Run, "kind">, status: number): string | null {
  if (status !== 404 && status !== 405) return null;
  switch (run.kind) {
    case "repair":
      return "This agent cannot repair. On the host: dpkg --configure -a, then apt-get -f install.";
    case "reboot":
      return "This agent does not restart its host on request. Restart it by hand.";
    case "rollback":
      return "This agent has no such job any more, or cannot roll back. Install the former versions by hand.";
    default:
      return null;
  }
}
