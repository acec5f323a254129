import type { ComponentChildren } from "preact";
import { Badge } from "../../../../components/badge.tsx";
import { Button } from "../../../../components/button.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { deviceWords, kindWords, methodWords } from "./session_words.ts";

/** Open sessions, one a row, in the order given. */
export function SessionTable({ label, sessions, own, now, end }: {
  label: string;
  sessions: Wire<UserSession>[];
  /** The viewer's own session, which is marked. */
  own: string;
  now: string;
  /** How a session is ended from its row; absent: there is no such column. */
  end?: (session: Wire<UserSession>) => ComponentChildren;
}) {
  return (
    <Table
      label={label}
      columns={
        <>
          <Column>Signed in with</Column>
          <Column>Address</Column>
          <Column>Proven by</Column>
          <Column right>Signed in</Column>
          <Column right>Last used</Column>
          {end && (
            <Column>
              <span class="visually-hidden">End</span>
            </Column>
          )}
        </>
      }
    >
      {sessions.map((session) => (
        <Row key={session.id}>
          <RowName
            title={session.user_agent ?? undefined}
            note={kindWords(session) ?? undefined}
            marks={session.id === own && <Badge tone="info">this one</Badge>}
          >
            {deviceWords(session.user_agent)}
          </RowName>
          <Cell label="Address">{session.address ?? <span class="muted">unknown</span>}</Cell>
          <Cell label="Proven by">{methodWords(session) || <span class="muted">nothing so far</span>}</Cell>
          <Cell right label="Signed in">
            <RelativeTime at={session.created_at} now={now} focusable />
          </Cell>
          <Cell right label="Last used">
            <RelativeTime at={session.last_used_at} now={now} focusable />
          </Cell>
          {end && <Cell right>{end(session)}</Cell>}
        </Row>
      ))}
    </Table>
  );
}

/** The button of one row, posting which session it is. */
export function EndSession({ session, action }: { session: Wire<UserSession>; action: string }) {
  return (
    <form method="post" action={action}>
      <input type="hidden" name="session" value={session.id} />
      <Button size="small" type="submit">
        End<span class="visually-hidden">session on {deviceWords(session.user_agent)}</span>
      </Button>
    </form>
  );
}
