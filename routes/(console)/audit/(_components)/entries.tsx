import { Badge } from "../../../../components/badge.tsx";
import { Shape } from "../../../../components/shape.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { AuditEntryRow } from "../../../../core/views/audit_log.ts";
import type { Wire } from "../../../../core/wire.ts";

type Entry = Wire<AuditEntryRow>;

/** Who did it, in words. */
export function actorWords({ actor_kind, actor_name, actor_id }: Entry): string {
  if (actor_kind === "anonymous") return "Nobody signed in";
  if (actor_kind === "system") return actor_name ? `The manager (${actor_name})` : "The manager";
  return actor_name ?? actor_id ?? "unknown";
}

/** What it was done to, in words. */
export function objectWords({ object_kind, object_name, object_id }: Entry): string | null {
  if (object_kind === null) return null;
  // An id that grows with time differs at its end; the whole one stands on the entry's own page.
  const short = object_id !== null && object_id.length > 30 ? `…${object_id.slice(-8)}` : object_id;
  return `${object_kind.replaceAll("_", " ")} ${object_name ?? short ?? ""}`.trim();
}

/** Where the thing has a page of its own. */
export function objectHref({ object_kind, object_id }: Entry): string | null {
  const places: Record<string, string> = { host: "/hosts", job: "/jobs", group: "/groups", user: "/users" };
  return object_kind !== null && object_id !== null && Object.hasOwn(places, object_kind)
    ? `${places[object_kind]}/${object_id}`
    : null;
}

/** Status as shape, word and colour; what went as it should stays quiet. */
export function Outcome({ outcome }: { outcome: string }) {
  if (outcome === "success") {
    return (
      <span class="status tone-ok">
        <Shape name="dot" />
        <span class="status-word">Success</span>
      </span>
    );
  }
  if (outcome === "failure") return <Badge tone="bad" shape="cross">Failure</Badge>;
  return <Badge tone="warn" shape="half">Denied</Badge>;
}

/** "2026-11-20 10:00:00", of an instant on the wire: a log is read by exact times. */
export function exactTime(at: string): string {
  return at.slice(0, 19).replace("T", " ");
}

/** The table of entries, newest first. */
export function Entries({ entries }: { entries: Entry[] }) {
  return (
    <Table
      label="Audit log"
      height="fill"
      columns={
        <>
          <Column>Action</Column>
          <Column>Outcome</Column>
          <Column>Who</Column>
          <Column>Object</Column>
          <Column roomy>Address</Column>
          <Column right>Time (UTC)</Column>
        </>
      }
    >
      {entries.map((entry) => (
        <Row key={entry.seq}>
          <RowName href={`/audit/${entry.seq}`} title={entry.action}>{entry.action}</RowName>
          <Cell>
            <Outcome outcome={entry.outcome} />
          </Cell>
          <Cell label="Who">{actorWords(entry)}</Cell>
          <Cell label="Object" wide title={objectWords(entry) ?? undefined}>
            {objectWords(entry) ?? <span class="muted">–</span>}
          </Cell>
          <Cell label="Address" roomy>{entry.address ?? <span class="muted">–</span>}</Cell>
          <Cell right label="Time">
            <time class="mono" dateTime={entry.at} title={entry.at}>{exactTime(entry.at)}</time>
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
