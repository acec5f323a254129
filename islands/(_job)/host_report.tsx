import { Code, countText } from "../../components/quantity.tsx";
import { Notice } from "../../components/states.tsx";
import { JobState } from "../../components/status.tsx";
import type { JobHostDetail } from "../../core/views/job_hosts.ts";
import type { JobSummary } from "../../core/views/list_jobs.ts";
import type { Wire } from "../../core/wire.ts";

/** What a host said at the end of its work: what to restart, which files were kept, whether it can be taken back. */
export function HostReport({ job, shown }: { job: Wire<JobSummary>; shown: Wire<JobHostDetail> }) {
  const { report, rollback_job, boot_id_before, boot_id_after } = shown;
  if (!report) return null;
  const { restart, conffiles_kept, rollback } = report;
  const restarted = boot_id_before !== null && boot_id_after !== null && boot_id_before !== boot_id_after;
  return (
    <>
      {restart && <RestartNeeded restart={restart} restarted={restarted} />}
      {conffiles_kept.length > 0 && (
        <details class="panel">
          <summary>{countText(conffiles_kept.length, "configuration file")} kept as it was on the host</summary>
          <p>
            The packages bring other versions of these files. They lie beside them, with the package manager's own
            ending.
          </p>
          <ul>
            {conffiles_kept.map((path) => (
              <li key={path}>
                <Code>{path}</Code>
              </li>
            ))}
          </ul>
        </details>
      )}
      {rollback_job
        ? (
          <p>
            <a href={`/jobs/${rollback_job.job_id}?host=${shown.host_id}`}>Rollback</a>{" "}
            <JobState state={rollback_job.state} />
          </p>
        )
        : job.kind === "apply" && rollback && <RollbackNote rollback={rollback} />}
    </>
  );
}

type Report = NonNullable<Wire<JobHostDetail>["report"]>;

function RestartNeeded({ restart, restarted }: { restart: NonNullable<Report["restart"]>; restarted: boolean }) {
  const { services, kernel, reboot, reasons } = restart;
  if (restarted) return <Notice tone="ok" title="The host has restarted." />;
  if (!reboot && services.length === 0 && kernel === null && reasons.length === 0) return null;
  return (
    <Notice
      tone="warn"
      title={reboot
        ? "The host needs a restart for this to take effect."
        : services.length > 0
        ? "Some services still run in the old version."
        : "Something on the host still runs in the old version."}
    >
      {reasons.length > 0 && `${reasons.join(". ")}. `}
      {kernel !== null && (
        <>
          Newest kernel: <Code>{kernel}</Code>.{" "}
        </>
      )}
      {services.length > 0 && (
        <>
          To restart: {services.map((name, index) => (
            <span key={name}>
              {index > 0 && ", "}
              <Code>{name}</Code>
            </span>
          ))}.
        </>
      )}
    </Notice>
  );
}

function RollbackNote({ rollback }: { rollback: NonNullable<Report["rollback"]> }) {
  const { possible, reason, missing_versions } = rollback;
  if (possible) return <p class="muted">This host says that it can take the job back.</p>;
  return (
    <p class="muted">
      Cannot be rolled back here{reason ? `: ${reason}` : "."}
      {missing_versions.length > 0 && (
        <>
          {" "}Former versions that are nowhere to be had: <Code>{missing_versions.join(", ")}</Code>
        </>
      )}
    </p>
  );
}
