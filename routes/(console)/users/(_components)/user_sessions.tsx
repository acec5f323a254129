import { Badge } from "../../../../components/badge.tsx";
import { Button } from "../../../../components/button.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { EmptyState } from "../../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { UserRow, UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { deviceWords, kindWords, methodWords } from "./session_words.ts";
import { nameOf } from "./user_words.tsx";

/** Where somebody is signed in. Ending a session ends its open pages within a second. */
export function UserSessions(
  { user, sessions, own, may_change, now }: {
    user: Wire<UserRow>;
    sessions: Wire<UserSession>[];
    /** The viewer's own session. */
    own: string;
    may_change: boolean;
    now: string;
  },
) {
  const action = `/users/${user.id}/end-sessions`;
  const others = sessions.filter(({ id }) => id !== own).length;
  if (sessions.length === 0) {
    return <EmptyState title="No open session" icon="monitor">{nameOf(user)} is not signed in anywhere.</EmptyState>;
  }
  return (
    <div class="stack">
      {may_change && others > 0 && (
        <form class="row" method="post" action={action}>
          <Button type="submit" icon="log-out">
            {others < sessions.length
              ? `End ${countText(others, "other session")}`
              : `End ${sessions.length === 1 ? "the session" : `all ${sessions.length} sessions`}`} of {nameOf(user)}
          </Button>
        </form>
      )}
      <Table
        label={`Open sessions of ${nameOf(user)}`}
        columns={
          <>
            <Column>Signed in with</Column>
            <Column>Address</Column>
            <Column>Proven by</Column>
            <Column right>Signed in</Column>
            <Column right>Last used</Column>
            {may_change && (
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
              <RelativeTime at={session.created_at} now={now} />
            </Cell>
            <Cell right label="Last used">
              <RelativeTime at={session.last_used_at} now={now} />
            </Cell>
            {may_change && (
              <Cell right>
                {session.id !== own && (
                  <form method="post" action={action}>
                    <input type="hidden" name="session" value={session.id} />
                    <Button size="small" type="submit">
                      End<span class="visually-hidden">session on {deviceWords(session.user_agent)}</span>
                    </Button>
                  </form>
                )}
              </Cell>
            )}
          </Row>
        ))}
      </Table>
    </div>
  );
}
