import { Button } from "../../../../components/button.tsx";
import { countText } from "../../../../components/quantity.tsx";
import type { UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { EndSession, SessionTable } from "../../users/(_components)/session_table.tsx";

/** Where one is signed in, with the ways to end it. The present session comes first and ends by signing out. */
export function OwnSessions({ sessions, own, now }: { sessions: Wire<UserSession>[]; own: string; now: string }) {
  const sorted = sessions.toSorted((a, b) => Number(b.id === own) - Number(a.id === own));
  const others = sessions.filter(({ id }) => id !== own).length;
  return (
    <div class="stack">
      <SessionTable
        label="Your open sessions"
        sessions={sorted}
        own={own}
        now={now}
        end={(session) =>
          session.id === own ? <SignOut /> : <EndSession session={session} action="/profile/end-session" />}
      />
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

function SignOut() {
  return (
    <form method="post" action="/logout">
      <Button size="small" type="submit">Sign out</Button>
    </form>
  );
}
