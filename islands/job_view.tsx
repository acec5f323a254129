import { useEffect, useState } from "preact/hooks";
import { Simulated } from "../components/badge.tsx";
import { Button, LinkButton } from "../components/button.tsx";
import { Dialog, DialogButton, DialogCancel } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { HostName } from "../components/host_name.tsx";
import { PartsBar, Progress } from "../components/progress.tsx";
import { countText } from "../components/quantity.tsx";
import { RelativeTime } from "../components/relative_time.tsx";
import type { Tone } from "../components/shape.tsx";
import { Notice } from "../components/states.tsx";
import { JobState, jobStateWord, LiveState } from "../components/status.tsx";
import { Cell, Column, Row, RowName, Table } from "../components/table.tsx";
import { ageText } from "../components/time_text.ts";
import { useNow } from "../components/use_now.ts";
import type { HostState, JobKind } from "../core/jobs/types.ts";
import type { JobHostDetail, JobHostLog, JobHostRow } from "../core/views/job_hosts.ts";
import type { JobSummary } from "../core/views/list_jobs.ts";
import type { Wire } from "../core/wire.ts";
import { announce, navigate } from "../web/island.ts";
import { callApi } from "./(_live)/api.ts";
import { RollBack } from "./(_job)/rollback.tsx";
import { ShownHost } from "./(_job)/shown_host.tsx";
import { applyEvent, isFinalState, type JobModel, overallProgress, startModel } from "./(_live)/job_model.ts";
import { useLive } from "./(_live)/live.ts";

interface Props {
  job: Wire<JobSummary>;
  hosts: Wire<JobHostRow>[];
  shown: Wire<JobHostDetail> | null;
  log: JobHostLog | null;
  after_seq: number;
  now: string;
  may_act: boolean;
}

/** A job, live: each host's state and progress, and of one of them what its package manager says. */
export default function JobView(props: Props) {
  const now = useNow(props.now, 1_000);
  const [model, setModel] = useState(() => startModel(props.job, props.hosts, props.shown, props.log));
  const again = () => void navigate(location.pathname + location.search, { quiet: true });
  const live = useLive(
    isFinalState(props.job.state) ? [] : [`job:${props.job.id}`],
    props.after_seq,
    (frame) => setModel((before) => applyEvent(before, frame)),
    again,
  );
  useOutdated(model, again);
  useLog(model, setModel);
  useEffect(() => {
    if (model.job.state !== props.job.state) announce(`The job is ${jobStateWord(model.job.state).toLowerCase()}.`);
  }, [model.job.state]);
  const { job, hosts, shown, log } = model;
  const ended = isFinalState(job.state);
  return (
    <div class="stack">
      <div class="bar-row">
        {/* Of one host there is more to say than of a batch: dispatching, verifying. */}
        <JobState state={job.hosts === 1 && hosts.length === 1 ? hosts[0].state : job.state} />
        {ended
          ? job.ended_at && (
            <span class="muted">
              <RelativeTime at={job.ended_at} now={now} />
            </span>
          )
          : <LiveState state={live.state} since={live.since || undefined} now={now} />}
        <span class="spread row">
          <Actions job={job} hosts={hosts} ended={ended} may_act={props.may_act} />
        </span>
      </div>
      {!ended && <HowFar job={job} hosts={hosts} now={now} />}
      {job.hosts > 1 && <Parts job={job} />}
      <Verdict job={job} hosts={hosts} />
      {job.hosts > 1 && <HostsTable job={job} hosts={hosts} shown={shown?.host_id ?? null} now={now} />}
      {shown && <ShownHost job={job} shown={shown} log={log} alone={job.hosts === 1} now={now} />}
    </div>
  );
}

/** Results are read with the page: at once when the job is done or its open host is, now and then in a large batch. */
function useOutdated(model: JobModel, again: () => void): void {
  const done = model.hosts.length > 0 && model.hosts.every(({ state }) => isFinalState(state));
  const shown_done = model.shown !== null && isFinalState(model.shown.state);
  useEffect(() => {
    if (!model.outdated) return;
    // The last host's transaction is committed with the job's end; a breath lets both events arrive.
    const timer = setTimeout(again, done || shown_done ? 150 : 3_000);
    return () => clearTimeout(timer);
  }, [model.outdated, done, shown_done]);
}

/** Reads pieces of the log that were too large for an event. */
function useLog(model: JobModel, setModel: (change: (before: JobModel) => JobModel) => void): void {
  const { shown, log, log_behind } = model;
  useEffect(() => {
    if (!shown || !log || !log_behind) return;
    let gone = false;
    callApi("GET", `/jobs/${shown.job_id}/hosts/${shown.host_id}/log?after=${log.next}`).then((read) => {
      if (gone) return;
      setModel((before) =>
        before.log && before.log.next === log.next
          ? {
            ...before,
            log_behind: read.more,
            log: { ...before.log, text: before.log.text + read.text, next: read.next },
          }
          : before
      );
    }, () => {});
    return () => void (gone = true);
  }, [shown?.host_id, log?.next, log_behind]);
}

function Actions(
  { job, hosts, ended, may_act }: {
    job: Wire<JobSummary>;
    hosts: Wire<JobHostRow>[];
    ended: boolean;
    may_act: boolean;
  },
) {
  if (!may_act) return null;
  const failed = hosts.filter(({ state }) => state === "failed").length;
  if (!ended) {
    return (
      <>
        <DialogButton opens="cancel-job" icon="ban">Cancel …</DialogButton>
        <Dialog
          id="cancel-job"
          title="Cancel this job?"
          actions={
            <>
              <DialogCancel closes="cancel-job">Let it go on</DialogCancel>
              <Button kind="danger" type="submit" form="cancel-form">Cancel the job</Button>
            </>
          }
        >
          <form id="cancel-form" class="form" method="post" action={`/jobs/${job.id}/cancel`}>
            <p>
              Hosts that have not begun are left alone. A host that installs already goes on to its end: stopping a
              package manager half-way breaks hosts.
            </p>
            <Field id="cancel-reason" label="Reason" optional>
              {(control) => <input {...control} class="input" name="reason" maxLength={1000} />}
            </Field>
          </form>
        </Dialog>
      </>
    );
  }
  return (
    <>
      {failed > 0 && job.kind === "apply" && (
        <form method="post" action={`/jobs/${job.id}/retry`}>
          <Button type="submit" icon="rotate-cw">Try again on {countText(failed, "failed host")}</Button>
        </form>
      )}
      <RollBack job={job} hosts={hosts} />
      {job.kind === "dry_run" && job.state === "succeeded" && (
        <LinkButton kind="primary" icon="rocket" href={`/deploy?from=${job.id}`}>Deploy these updates …</LinkButton>
      )}
    </>
  );
}

const AT_WORK: Record<JobKind, string> = {
  apply: "Installing",
  dry_run: "Working out what would change",
  repair: "Repairing",
  rollback: "Installing the former versions",
  reboot: "Restarting",
};

/** What a job that went well has done, and how that is known. */
const DONE: Record<JobKind, { title: string; words: string }> = {
  apply: {
    title: "Everything that was ordered is installed.",
    words: "Each host's package database was read again and shows the new versions.",
  },
  dry_run: { title: "Nothing was changed.", words: "Below is exactly what a deployment would do now." },
  repair: {
    title: "The package manager is in order again.",
    words: "The host was read again and can install updates.",
  },
  rollback: {
    title: "The former versions are installed again.",
    words: "Each host's package database was read again and shows them.",
  },
  reboot: { title: "The host has restarted.", words: "It answers again, in another boot than before." },
};

/** How far it is. One host has a bar of its own; several are counted, with a bar of their states below. */
function HowFar({ job, hosts, now }: { job: Wire<JobSummary>; hosts: Wire<JobHostRow>[]; now: string }) {
  const begun = hosts.some(({ state }) => state !== "queued" && state !== "waiting");
  const label = begun ? AT_WORK[job.kind] : "Nothing has begun so far";
  const done = overallProgress(hosts);
  const began = hosts.flatMap(({ started_at }) => started_at ?? []).sort()[0];
  const duration = began ? `, for ${ageText(began, now)} so far` : "";
  if (job.hosts === 1) return <Progress id="job-progress" label={label} done={done} words={`${done} %${duration}`} />;
  const count = hosts.filter(({ state }) => isFinalState(state)).length;
  return (
    <div class="progress-words">
      <span>{label}</span>
      <span class="muted">{done} %, {count.toLocaleString("en")} of {countText(job.hosts, "host")} done{duration}</span>
    </div>
  );
}

/** One sentence about how it went, when it has. */
function Verdict({ job, hosts }: { job: Wire<JobSummary>; hosts: Wire<JobHostRow>[] }) {
  if (!isFinalState(job.state)) return null;
  const of = (state: HostState) => hosts.filter((host) => host.state === state);
  const first = of("failed")[0] ?? of("unknown")[0] ?? of("missed")[0];
  if (job.state === "succeeded") {
    return (
      <Notice tone="ok" title={DONE[job.kind].title}>
        {DONE[job.kind].words}
        {job.reboot !== "never" && job.kind === "apply" && ` ${hosts.length === 1 ? hosts[0].message : ""}`}
      </Notice>
    );
  }
  if (job.state === "cancelled") return <Notice tone="warn" title="The job was cancelled." />;
  const count = countText(of("failed").length + of("unknown").length + of("missed").length, "host");
  return (
    <Notice
      tone={job.state === "failed" ? "bad" : "warn"}
      title={job.state === "unknown"
        ? `What happened on ${count} is not known.`
        : `Not everything worked: ${count} need${count === "1 host" ? "s" : ""} you.`}
    >
      {first && `${job.hosts > 1 ? `${first.name}: ` : ""}${first.error ?? first.message}`}
    </Notice>
  );
}

const TONES: Partial<Record<HostState, Tone>> = {
  succeeded: "ok",
  failed: "bad",
  unknown: "warn",
  missed: "warn",
  dispatching: "info",
  running: "info",
  verifying: "info",
  rebooting: "info",
};

/** From done to not begun, so that the bar fills from the left. */
const ORDER: HostState[] = [
  "succeeded",
  "rolled_back",
  "failed",
  "unknown",
  "missed",
  "cancelled",
  "rebooting",
  "verifying",
  "running",
  "dispatching",
  "waiting",
  "queued",
];

/** Hosts by state: a bar, and the same in words, because colour alone says nothing. */
function Parts({ job: { counts } }: { job: Wire<JobSummary> }) {
  const parts = ORDER.filter((state) => counts[state]).map((state) => ({
    state,
    name: jobStateWord(state).toLowerCase(),
    count: counts[state] ?? 0,
    tone: TONES[state] ?? "off" as const,
  }));
  return (
    <div class="parts">
      <PartsBar label="Hosts by state" parts={parts} />
      <ul class="parts-words number">
        {parts.map(({ state, count }) => (
          <li key={state}>
            <JobState state={state} /> {count.toLocaleString("en")}
          </li>
        ))}
      </ul>
    </div>
  );
}

function HostsTable(
  { job, hosts, shown, now }: { job: Wire<JobSummary>; hosts: Wire<JobHostRow>[]; shown: string | null; now: string },
) {
  return (
    <Table
      label="Hosts of this job"
      height="short"
      columns={
        <>
          <Column>Host</Column>
          <Column>State</Column>
          <Column right>Progress</Column>
          <Column>What it says</Column>
          <Column right>Updates</Column>
          <Column right>Ended</Column>
        </>
      }
    >
      {hosts.map((host) => (
        <Row key={host.host_id} selected={host.host_id === shown}>
          <RowName
            href={`/jobs/${job.id}?host=${host.host_id}`}
            title={host.name}
            marks={host.simulated && <Simulated />}
            note={host.error && <span class="row-note-full tone-bad-text">{host.error}</span>}
          >
            <HostName name={host.name} />
          </RowName>
          <Cell>
            <JobState state={host.state} />
          </Cell>
          <Cell right label="Progress">
            {!isFinalState(host.state) && `${host.progress} %`}
          </Cell>
          <Cell wide line title={host.message}>
            {!host.error && host.message && <span class="muted">{host.message}</span>}
          </Cell>
          <Cell right label="Updates">{host.patches.toLocaleString("en")}</Cell>
          <Cell right label="Ended">
            {host.ended_at && (
              <span class="muted">
                <RelativeTime at={host.ended_at} now={now} />
              </span>
            )}
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
