import { Button } from "../../components/button.tsx";
import { Dialog, DialogButton, DialogCancel } from "../../components/dialog.tsx";
import { Field } from "../../components/field.tsx";
import { countText } from "../../components/quantity.tsx";
import type { JobHostRow } from "../../core/views/job_hosts.ts";
import type { JobSummary } from "../../core/views/list_jobs.ts";
import type { Wire } from "../../core/wire.ts";
import { isFinalState } from "../(_live)/job_model.ts";

/** Of which the agent says that it can take the job back, and nobody has or does. */
export function canRollBack(host: Wire<JobHostRow>): boolean {
  const { rollback_possible, rollback_job } = host;
  const taken = rollback_job !== null && (!isFinalState(rollback_job.state) || rollback_job.state === "succeeded");
  return rollback_possible === true && !taken && host.applied > 0;
}

/** Takes a deployment back on the hosts that can, after a question that promises nothing. */
export function RollBack({ job, hosts }: { job: Wire<JobSummary>; hosts: Wire<JobHostRow>[] }) {
  const able = hosts.filter(canRollBack);
  if (job.kind !== "apply" || able.length === 0) return null;
  const where = able.length === 1 ? able[0].name : countText(able.length, "host");
  const others = hosts.length - able.length;
  return (
    <>
      <DialogButton opens="roll-back" icon="history">Roll back …</DialogButton>
      <Dialog
        id="roll-back"
        title={`Roll back this job on ${where}?`}
        actions={
          <>
            <DialogCancel closes="roll-back" />
            <Button kind="danger" type="submit" form="roll-back-form">Roll back {where}</Button>
          </>
        }
      >
        <form id="roll-back-form" class="form" method="post" action={`/jobs/${job.id}/rollback`}>
          {able.map((host) => <input key={host.host_id} type="hidden" name="host" value={host.host_id} />)}
          <p>
            The former versions are installed again, in one step for each host. This is best effort: data that a newer
            version has changed stays changed, and packages that came along stay. Where it cannot be done the host is
            left as it is and says why.
          </p>
          {others > 0 && (
            <p class="muted">
              {countText(others, "other host")} of this job cannot be rolled back, or already{" "}
              {others === 1 ? "was" : "were"}; each says why on its own.
            </p>
          )}
          <Field id="roll-back-reason" label="Reason" hint="Kept with the job and in the audit log." optional>
            {(control) => <input {...control} class="input" name="reason" maxLength={1000} />}
          </Field>
        </form>
      </Dialog>
    </>
  );
}
