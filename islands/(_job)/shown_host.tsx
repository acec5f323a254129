import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Badge } from "../../components/badge.tsx";
import { LogView } from "../../components/log_view.tsx";
import { SectionHead } from "../../components/page_head.tsx";
import { Code, countText } from "../../components/quantity.tsx";
import { RelativeTime } from "../../components/relative_time.tsx";
import type { Tone } from "../../components/shape.tsx";
import { Notice } from "../../components/states.tsx";
import { JobState } from "../../components/status.tsx";
import { Cell, Column, Row, RowName, Table } from "../../components/table.tsx";
import type { JobHostDetail, JobPatchRow } from "../../core/views/job_hosts.ts";
import type { JobSummary } from "../../core/views/list_jobs.ts";
import type { Wire } from "../../core/wire.ts";
import { HostReport } from "./host_report.tsx";
import { isFinalState, type JobModel } from "../(_live)/job_model.ts";

/** One host of a job: what it says while it works, and what came of each package. */
export function ShownHost(
  { job, shown, log, alone, now }: {
    job: Wire<JobSummary>;
    shown: Wire<JobHostDetail>;
    log: JobModel["log"];
    alone: boolean;
    now: string;
  },
) {
  const text = log?.text ?? "";
  const scroller = useEnd(text);
  const lines = useMemo(() => linesOf(text), [text]);
  const open = !isFinalState(shown.state);
  const words = ((job.kind !== "dry_run" && job.kind !== "reboot") || text !== "") && (
    <LogView
      key="log"
      label={`Log of ${shown.name}`}
      live={open}
      scroller={scroller}
      lines={lines}
      empty={open ? "The package manager has said nothing so far." : "The package manager said nothing."}
    />
  );
  return (
    <section class="stack" aria-label={`Work on ${shown.name}`}>
      <div class="section-head">
        <h2>
          <a href={`/hosts/${shown.host_id}`}>{shown.name}</a>
        </h2>
        {!alone && <JobState state={shown.state} />}
        <span class="meta">
          {shown.state === "waiting"
            ? shown.attempt > 1 && `attempt ${shown.attempt}`
            : isFinalState(shown.state)
            ? shown.attempt > 1 && `${shown.attempt} attempts`
            : `${shown.message || "Waiting for its turn"}${shown.attempt > 1 ? `, attempt ${shown.attempt}` : ""}`}
        </span>
      </div>
      {shown.state === "waiting" && (
        <Notice tone="info" title="It waits.">
          {sentence(shown.message)} Next try <RelativeTime at={shown.next_at} now={now} />.
        </Notice>
      )}
      {shown.error && !alone && <Notice tone={shown.state === "unknown" ? "warn" : "bad"}>{shown.error}</Notice>}
      {/* While it runs, what it says comes first; when it has ended, what came of it. */}
      {open && words}
      <HostReport job={job} shown={shown} />
      {shown.packages.length > 0 && <PackagesTable job={job} packages={shown.packages} />}
      {!open && words}
    </section>
  );
}

const OUTCOME: Record<JobPatchRow["outcome"], { tone: Tone; word: string }> = {
  pending: { tone: "off", word: "ordered" },
  applied: { tone: "ok", word: "installed" },
  would_apply: { tone: "info", word: "would change" },
  failed: { tone: "bad", word: "failed" },
  unchanged: { tone: "off", word: "unchanged" },
};

/** A scroller that begins at the end and follows it, unless the reader has scrolled up to look at something. */
function useEnd(text: string) {
  const scroller = useRef<HTMLDivElement>(null);
  // Its height before the new text: where the reader stood is measured against that, with no event to wait for.
  const height = useRef(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const was_at_end = element.scrollTop + element.clientHeight > height.current - 40;
    height.current = element.scrollHeight;
    if (was_at_end) element.scrollTop = element.scrollHeight;
  }, [text]);
  return scroller;
}

function linesOf(text: string) {
  if (text === "") return [];
  return text.replace(/\n$/, "").split("\n").map((line, index) => ({
    number: index + 1,
    text: line,
    tone: toneOf(line),
  }));
}

function PackagesTable({ job, packages }: { job: Wire<JobSummary>; packages: Wire<JobPatchRow>[] }) {
  const title = job.kind === "dry_run" ? "What would change" : "Packages";
  return (
    <>
      <SectionHead title={title} note={countText(packages.length, "package")} />
      <Table
        label={title}
        height={job.ended_at ? "page" : "short"}
        columns={
          <>
            <Column>Package</Column>
            <Column>From</Column>
            <Column>To</Column>
            <Column>Outcome</Column>
          </>
        }
      >
        {packages.map((one) => (
          <Row key={`${one.name}:${one.arch}`}>
            <RowName
              title={one.name}
              marks={one.origin === "dependency" && <Badge tone="mark">comes along</Badge>}
              note={<PackageNote row={one} />}
            >
              {one.name}
            </RowName>
            <Cell label="From">
              {one.from_version ? <Code>{one.from_version}</Code> : <span class="muted">not installed</span>}
            </Cell>
            <Cell label="To">
              {one.to_version ? <Code>{one.to_version}</Code> : <span class="muted">removed</span>}
            </Cell>
            <Cell>
              <Badge tone={OUTCOME[one.outcome].tone}>{OUTCOME[one.outcome].word}</Badge>
            </Cell>
          </Row>
        ))}
      </Table>
    </>
  );
}

/** Why a package did not arrive, how it stands now, and what its script said last. */
function PackageNote({ row: { reason, package_state, output } }: { row: Wire<JobPatchRow> }) {
  if (!reason && !package_state && !output) return null;
  return (
    <span class="row-note-full">
      {reason}
      {package_state && ` It is ${package_state} now.`}
      {output && (
        <details>
          <summary>Last lines of its script</summary>
          <pre class="mono">{output}</pre>
        </details>
      )}
    </span>
  );
}

/** As a sentence among others. */
function sentence(words: string): string {
  return words === "" || /[.!?]$/.test(words) ? words : words + ".";
}

/** Lines that a person looks for first when something went wrong. */
function toneOf(line: string): "bad" | "warn" | undefined {
  if (/^(E:|dpkg: error|Err:\d|error:)/i.test(line)) return "bad";
  if (/^(W:|dpkg: warning|warning:)/i.test(line)) return "warn";
  return undefined;
}
