import { Badge } from "../../../../components/badge.tsx";
import { Button } from "../../../../components/button.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { deviceWords, kindWords, methodWords } from "../../users/(_components)/session_words.ts";

/** Where one is signed in, with the ways to end it. The present session comes first and ends by signing out. */
export function OwnSessions({ sessions, own, now }: { sessions: Wire<UserSession>[]; own: string; now: string }) {
  const sorted = sessions.toSorted((a, b) => Number(b.id === own) - Number(a.id === own));
  const others = sessions.filter(({ id }) => id !== own).length;
  return (
    <div class="stack">
      <Table
        label="Your open sessions"
        columns={
          <>
            <Column>Signed in with</Column>
            <Column>Address</Column>
            <Column>Proven by</Column>
            <Column right>Signed in</Column>
            <Column right>Last used</Column>
            <Column>
              <span class="visually-hidden">End</span>
            </Column>
          </>
        }
      >
        {sorted.map((session) => (
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
            <Cell right>
              <EndSession session={session} own={session.id === own} />
            </Cell>
          </Row>
        ))}
      </Table>
      {others > 0
        ? (
          <form class="row" method="post" action="/profile/end-others">
            <Button type="submit" icon="log-out">Sign out everywhere else: {countText(others, "session")}</Button>
          </form>
        )
        : <p class="meta">You are signed in nowhere else.</p>}
    </div>
  );
}

function EndSession({ session, own }: { session: Wire<UserSession>; own: boolean }) {
  if (own) {
    return (
      <form method="post" action="/logout">
        <Button size="small" type="submit">Sign out</Button>
      </form>
    );
  }
  return (
    <form method="post" action="/profile/end-session">
      <input type="hidden" name="session" value={session.id} />
      <Button size="small" type="submit">
        End<span class="visually-hidden">session on {deviceWords(session.user_agent)}</span>
      </Button>
    </form>
  );
}
