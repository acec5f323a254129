import { Button } from "../../../components/button.tsx";
import { Dialog, DialogCancel } from "../../../components/dialog.tsx";
import { Field, SelectField } from "../../../components/field.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { Notice } from "../../../components/states.tsx";
import type { HostDetail } from "../../../core/views/host_detail.ts";
import type { Wire } from "../../../core/wire.ts";
import { RESTART_DELAYS } from "../../../components/restart.ts";

/** True where the package manager has to be put in order before anything can be installed. */
export function needsRepair(host: Pick<Wire<HostDetail>, "package_state">): boolean {
  return host.package_state === "interrupted" || host.package_state === "broken";
}

/** Why nothing can be installed there, and what helps. */
export function PackageManagerProblem({ host }: { host: Wire<HostDetail> }) {
  switch (host.package_state) {
    case "interrupted":
      return (
        <Notice tone="warn" title="A change of packages was interrupted on this host.">
          Nothing can be installed before it is finished. Repair does that as a job, and removes nothing.
        </Notice>
      );
    case "broken":
      return (
        <Notice tone="warn" title="Some packages on this host are broken.">
          They are half-installed, or need packages that are not there. Repair tries to put them in order as a job, and
          removes nothing.
        </Notice>
      );
    case "locked":
      return (
        <Notice tone="info" title="Another program uses the package manager on this host.">
          Jobs wait for it there.
        </Notice>
      );
    default:
      return null;
  }
}

/** An agent that says of no update whether it is for security: no reason to call the host compliant. */
export function SecurityUnknown({ host }: { host: Wire<HostDetail> }) {
  if (host.security_unknown === 0) return null;
  const all = host.security_unknown === host.pending;
  return (
    <Notice tone="warn" title="Whether its updates are security updates is not known.">
      The agent does not say so{" "}
      {all ? "for any of them" : `for ${host.security_unknown.toLocaleString("en")} of them`}, so this host never counts
      as compliant while they are pending.
    </Notice>
  );
}

/** A certificate that cannot be renewed ends one day, and the host with it: said long before. */
export function RenewalProblem({ host, now }: { host: Wire<HostDetail>; now: string }) {
  const { renewal, certificate_expires_at: end } = host;
  if (!renewal?.error) return null;
  const when = end && (
    <>
      {" "}It ends <RelativeTime at={end} now={now} focusable />.
    </>
  );
  if (renewal.state === "manual") {
    return <Notice tone="warn" title="Its certificate has to be renewed by hand.">{renewal.error}{when}</Notice>;
  }
  return (
    <Notice tone="warn" title="Its certificate could not be renewed; it is tried again.">
      {renewal.error}
      {when}
    </Notice>
  );
}

export function RepairDialog({ host }: { host: Wire<HostDetail> }) {
  return (
    <Dialog
      id="repair-host"
      title={`Repair the package manager of ${host.name}?`}
      actions={
        <>
          <DialogCancel closes="repair-host" />
          <Button kind="primary" type="submit" form="repair-form">Repair now</Button>
        </>
      }
    >
      <form id="repair-form" class="form" method="post" action={`/hosts/${host.id}/repair`}>
        {host.problems.length > 0 && (
          <ul class="notice-list">{host.problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>
        )}
        <p>
          It finishes what was begun: packages that are unpacked are configured, and missing dependencies are installed.
          No package is removed. The job's page shows what the package manager says.
        </p>
        <Reason id="repair-reason" />
      </form>
    </Dialog>
  );
}

export function RestartDialog({ host }: { host: Wire<HostDetail> }) {
  return (
    <Dialog
      id="restart-host"
      title={`Restart ${host.name}?`}
      actions={
        <>
          <DialogCancel closes="restart-host" />
          <Button kind="danger" type="submit" form="restart-form">Restart this host</Button>
        </>
      }
    >
      <form id="restart-form" class="form" method="post" action={`/hosts/${host.id}/reboot`}>
        <p>
          {host.reboot_required
            ? `It asks for a restart${
              host.reboot_reasons.length > 0 ? `: ${host.reboot_reasons.join(", ").replace(/\.$/, "")}` : ""
            }.`
            : "It does not ask for a restart."}{" "}
          Its users are warned first. The job succeeds when the host is back; one that does not come back within 30
          minutes has failed.
        </p>
        <SelectField
          id="restart-delay"
          name="delay"
          label="Warn its users before"
          options={RESTART_DELAYS}
          value="60"
        />
        <Reason id="restart-reason" />
      </form>
    </Dialog>
  );
}

export function RemoveDialog({ host }: { host: Wire<HostDetail> }) {
  return (
    <Dialog
      id="remove-host"
      title={`Remove ${host.name} from the manager?`}
      actions={
        <>
          <DialogCancel closes="remove-host" />
          <form method="post" action={`/hosts/${host.id}/remove`}>
            <Button kind="danger" type="submit">Remove this host</Button>
          </form>
        </>
      }
    >
      <p>
        It is no longer asked, queued work for it is cancelled and its certificate is revoked. Nothing changes on the
        host itself; its history and the audit log stay. To manage it again, enrol it anew.
      </p>
    </Dialog>
  );
}

function Reason({ id }: { id: string }) {
  return (
    <Field id={id} label="Reason" hint="Kept with the job and in the audit log." optional>
      {(control) => <input {...control} class="input" name="reason" maxLength={1000} />}
    </Field>
  );
}
