import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../components/button.tsx";
import { Progress } from "../components/progress.tsx";
import { RelativeTime } from "../components/relative_time.tsx";
import { Notice } from "../components/states.tsx";
import { useNow } from "../components/use_now.ts";
import type { Verification } from "../core/audit/types.ts";
import type { Wire } from "../core/wire.ts";
import { announce, navigate } from "../web/island.ts";
import { callApi, Refused } from "./(_live)/api.ts";

/** How often a run is asked how far it is, in milliseconds. */
const EVERY = 500;

type Run = Wire<Verification>;

/** Begins a verification, shows how far it is and what it found. Without script the button sends a form. */
export default function AuditVerify({ run: first, now: start }: { run: Run | null; now: string }) {
  const [run, setRun] = useState(first);
  const [refused, setRefused] = useState<Refused | null>(null);
  const asked = useRef(false);
  const now = useNow(start);
  const running = run?.state === "running";

  useEffect(() => {
    if (!running) return;
    let open = true;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      try {
        const { items } = await callApi("GET", "/audit/verifications");
        if (!open) return;
        setRefused(null);
        setRun(items[0] ?? null);
        if (items[0]?.state === "running") timer = setTimeout(look, EVERY);
        else ended(items[0], asked.current);
      } catch (thrown) {
        if (!open) return;
        if (!(thrown instanceof Refused)) throw thrown;
        setRefused(thrown);
        timer = setTimeout(look, EVERY * 10);
      }
    };
    timer = setTimeout(look, EVERY);
    return () => {
      open = false;
      clearTimeout(timer);
    };
  }, [running]);

  const begin = async (event: SubmitEvent) => {
    event.preventDefault();
    if (running) return;
    asked.current = true;
    try {
      setRun(await callApi("POST", "/audit/verifications"));
      setRefused(null);
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      setRefused(thrown);
    }
  };

  return (
    <section class="stack" aria-label="Verification">
      {refused && <Notice tone="bad" title={refused.message}>{refused.hint}</Notice>}
      {run === null
        ? (
          <Notice tone="info" title="Not verified so far">
            The log is verified every night, and whenever you ask.
          </Notice>
        )
        : <Found run={run} now={now} />}
      <form method="post" action="/audit/verify" onSubmit={begin}>
        <Button type="submit" kind="primary" icon="shield-check" disabled={running}>
          {running ? "Verifying" : "Verify the whole log now"}
        </Button>
      </form>
    </section>
  );
}

/** The list below the button shows the run as well. */
function ended(run: Run | undefined, asked: boolean): void {
  if (asked && run) announce(run.state === "intact" ? "The audit log is intact." : "The verification has ended.");
  void navigate(location.pathname + location.search, { quiet: true });
}

const rows = (count: number) => `${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}`;

function Found({ run, now }: { run: Run; now: string }) {
  const { verdict, state, checked, total, started_at } = run;
  if (state === "running") {
    return (
      <Progress
        id="audit-progress"
        label="Verifying the audit log"
        done={total === 0 ? undefined : checked}
        total={Math.max(1, total)}
        words={`${checked.toLocaleString("en")} of ${rows(total)}`}
      />
    );
  }
  const when = <RelativeTime at={run.ended_at ?? started_at} now={now} />;
  if (verdict === null) {
    return (
      <Notice tone="warn" title="The last verification came to no end">
        It was interrupted {when}, most likely by a restart of the manager. Verify the log again.
      </Notice>
    );
  }
  if (!verdict.intact) {
    return (
      <Notice
        tone="bad"
        title={`The audit log is broken at row ${verdict.first_broken.toLocaleString("en")}: ${verdict.problem}.`}
      >
        {rows(verdict.rows)} before it hold. Found {when} by{" "}
        {FOUND_BY[verdict.found_by]}. Keep the database, the checkpoint files and the journal as they are, and compare
        them with a backup or an export.
      </Notice>
    );
  }
  return (
    <Notice tone="ok" title={`Intact, ${rows(verdict.rows)}`}>
      Verified {when}. {verdict.proven_to === null
        ? "No checkpoint outside of the database was there: an end that was cut off would not show."
        : `Checkpoints outside of the database prove it up to row ${verdict.proven_to.toLocaleString("en")}.`}
      {verdict.first > 1 && ` Rows before ${verdict.first.toLocaleString("en")} were removed by age.`}
      {verdict.unknown > 0 && ` ${verdict.unknown} signed statements could not be judged.`}
    </Notice>
  );
}

const FOUND_BY = {
  chain: "the chain itself",
  database: "a signed checkpoint in the database",
  outside: "a signed checkpoint outside of the database",
};
