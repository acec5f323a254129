import { SectionHead } from "../../../../components/page_head.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { Verification } from "../../../../core/audit/types.ts";
import type { Wire } from "../../../../core/wire.ts";

/** What is found, and by what alone when somebody may write everything in the database. Each has a test. */
const PROOFS: [what: string, by: string, note: string][] = [
  ["A row was edited", "The chain", "Its hash no longer fits what it says."],
  ["A row was deleted", "The chain", "Numbers have no gaps, and each row names the hash of the one before."],
  ["Rows were reordered", "The chain", "The number of a row is part of its hash."],
  [
    "The end was cut off",
    "Only checkpoints outside of the database",
    "Where the chain's head and the checkpoints in the database were set back with it; else these show it.",
  ],
  [
    "Everything was rewritten from a row on",
    "Only checkpoints outside of the database",
    "Where the checkpoints in the database were removed with it; nobody can sign others without the key.",
  ],
  [
    "An older database was restored",
    "Only checkpoints outside of the database",
    "Such a database is in order by itself; the files and the journal know how far it had come.",
  ],
];

/** The table of what can be proven, and by what. */
export function Proofs({ folder }: { folder: string }) {
  return (
    <>
      <SectionHead title="What shows, and what proves it" />
      <Table
        label="What shows, and what proves it"
        columns={
          <>
            <Column>What somebody did</Column>
            <Column>Proven by</Column>
            <Column>How</Column>
          </>
        }
      >
        {PROOFS.map(([what, by, note]) => (
          <Row key={what}>
            <RowName>{what}</RowName>
            <Cell line label="Proven by">
              <span class="prose">{by}</span>
            </Cell>
            <Cell line label="How">
              <span class="prose">{note}</span>
            </Cell>
          </Row>
        ))}
      </Table>
      <p class="wrap">
        Every 10 minutes and every 1,000 rows the manager signs a checkpoint (Ed25519) and keeps it in the database, in
        its journal (event <code class="mono">audit.checkpoint</code>) and in files below{" "}
        <code class="mono">{folder}</code>. Copy the files or the journal to another machine: whoever takes over this
        one has the key as well, and can write anew what lies here, but not what lies there. To verify without this
        manager, save the JSON export and run{" "}
        <code class="mono">patch-manager verify audit --export FILE --keys audit.pub --checkpoints FILE</code>.
      </p>
    </>
  );
}

const STATES = { running: "Under way", intact: "Intact", broken: "Broken", interrupted: "Interrupted" };

/** The last runs. */
export function Runs({ runs, now }: { runs: Wire<Verification>[]; now: string }) {
  if (runs.length === 0) return null;
  return (
    <>
      <SectionHead title="Last verifications" />
      <Table
        label="Last verifications"
        columns={
          <>
            <Column>Found</Column>
            <Column>Why</Column>
            <Column right>Rows</Column>
            <Column right>When</Column>
          </>
        }
      >
        {runs.map((run) => (
          <Row key={run.id}>
            <RowName>
              {run.verdict && !run.verdict.intact
                ? `Broken at row ${run.verdict.first_broken.toLocaleString("en")}`
                : STATES[run.state]}
            </RowName>
            <Cell label="Why">{run.cause === "nightly" ? "Every night" : `Asked by ${run.asked_by ?? "nobody"}`}</Cell>
            <Cell right label="Rows">{run.checked.toLocaleString("en")}</Cell>
            <Cell right>
              <span class="muted">
                <RelativeTime at={run.started_at} now={now} />
              </span>
            </Cell>
          </Row>
        ))}
      </Table>
    </>
  );
}
