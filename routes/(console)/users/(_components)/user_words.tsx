import type { ComponentChildren } from "preact";
import { Badge } from "../../../../components/badge.tsx";
import { countText } from "../../../../components/quantity.tsx";
import type { Role } from "../../../../core/auth/types.ts";
import type { UserRow } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";

export const ROLE: Record<Role, string> = { admin: "Admin", operator: "Operator", auditor: "Auditor" };

/** Roles for a choice, with what they mean (specification, section 10). */
export const ROLE_OPTIONS: { value: Role; label: string }[] = [
  { value: "operator", label: "Operator: hosts of own groups" },
  { value: "auditor", label: "Auditor: reads everything" },
  { value: "admin", label: "Admin: everything" },
];

/** What people call somebody. */
export function nameOf({ display_name, username }: Pick<UserRow, "display_name" | "username">): string {
  return display_name || username;
}

/** "App, 2 passkeys"; null where there is no second factor so far. */
export function factorWords({ factors }: Pick<Wire<UserRow>, "factors">): string | null {
  const parts = [factors.totp && "App", factors.passkeys > 0 && countText(factors.passkeys, "passkey")];
  return parts.filter(Boolean).join(", ") || null;
}

/** What keeps somebody from signing in as usual. */
export function StateBadges({ user }: { user: Pick<Wire<UserRow>, "disabled_at" | "must_change_password"> }) {
  return (
    <>
      {user.disabled_at && <Badge tone="off" shape="cross">Disabled</Badge>}
      {user.must_change_password && (
        <Badge tone="warn" title="They have not chosen a password of their own so far.">one-time password</Badge>
      )}
    </>
  );
}

/** Names of groups, linked. */
export function GroupLinks({ groups, none }: { groups: UserRow["groups"]; none: ComponentChildren }) {
  if (groups.length === 0) return <>{none}</>;
  return (
    <>
      {groups.map(({ id, name }, index) => [
        index > 0 && ", ",
        <a key={id} href={`/groups/${id}?tab=users`}>{name}</a>,
      ])}
    </>
  );
}
