import { countText } from "../../../components/quantity.tsx";
import type { JobKind } from "../../../core/jobs/types.ts";
import type { PatchState } from "../../../protocol/api.ts";

/** Why an update stays, in a word or two; the host's reason stands beside it. */
export const PATCH_STATE: Record<PatchState, string> = {
  installable: "installable",
  held: "on hold",
  phased: "phased",
  kept_back: "kept back",
  pinned: "pinned",
  excluded: "excluded",
  blocked: "blocked",
};

/** What a job does, as its name. */
export const JOB_KIND: Record<JobKind, string> = {
  apply: "Deployment",
  dry_run: "Dry run",
  repair: "Repair",
  rollback: "Rollback",
  reboot: "Restart",
};

/** A job in a few words: how much it does, and where; the host by its name when there is only one. */
export function jobTitle(
  { kind, hosts, host_name, patches }: { kind: JobKind; hosts: number; host_name: string | null; patches: number },
) {
  const where = host_name ?? countText(hosts, "host");
  const what = countText(patches, "update");
  switch (kind) {
    case "dry_run":
      return `Dry run of ${what} on ${where}`;
    case "repair":
      return `Repair of ${where}`;
    case "rollback":
      return `Rollback of ${what} on ${where}`;
    case "reboot":
      return `Restart of ${where}`;
    default:
      return `${what} for ${where}`;
  }
}

/** CVE ids: the first two, and how many more there are. */
export function CveList({ ids }: { ids: string[] }) {
  if (ids.length === 0) return null;
  return (
    <span class="mono" title={ids.join(", ")}>
      {ids.slice(0, 2).join(", ")}
      {ids.length > 2 && ` +${ids.length - 2}`}
    </span>
  );
}
