import { Button } from "../../../../components/button.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { EmptyState } from "../../../../components/states.tsx";
import type { UserRow, UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { EndSession, SessionTable } from "./session_table.tsx";
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
      <SessionTable
        label={`Open sessions of ${nameOf(user)}`}
        sessions={sessions}
        own={own}
        now={now}
        end={may_change
          ? (session) => session.id === own ? null : <EndSession session={session} action={action} />
          : undefined}
      />
    </div>
  );
}
