import { EmptyState } from "../../../../components/states.tsx";
import { isRecent } from "../../../../core/auth/recent.ts";
import type { Viewer } from "../../../../core/auth/types.ts";
import { type Clock, rfc3339 } from "../../../../core/clock.ts";
import type { TokenRow } from "../../../../core/views/tokens.ts";
import type { UserRow } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { TokenTable } from "../../(_components)/token_table.tsx";
import { nameOf } from "./user_words.tsx";

/** What acts in a user's name; admins can end it. */
export function UserTokens(
  { user, tokens, viewer, clock }: { user: Wire<UserRow>; tokens: Wire<TokenRow>[]; viewer: Viewer; clock: Clock },
) {
  const back = `/users/${user.id}?tab=tokens`;
  const may_revoke = viewer.role === "admin" || viewer.id === user.id;
  const recent = isRecent(viewer, clock);
  if (tokens.length === 0) {
    return <EmptyState title={`No program acts in the name of ${nameOf(user)}`} icon="key-round" />;
  }
  return (
    <>
      <TokenTable tokens={tokens} now={rfc3339(clock.now())} back={may_revoke && recent ? back : null} />
      {may_revoke && !recent && (
        <p class="meta">
          To revoke a token, <a href={`/confirm?next=${encodeURIComponent(back)}`}>confirm first that it is you</a>.
        </p>
      )}
    </>
  );
}
