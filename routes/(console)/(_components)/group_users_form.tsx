import { Badge } from "../../../components/badge.tsx";
import { Button, LinkButton } from "../../../components/button.tsx";
import { EmptyState } from "../../../components/states.tsx";
import { SelectField } from "../../../components/field.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { GroupRow, GroupUser } from "../../../core/views/groups.ts";
import type { Wire } from "../../../core/wire.ts";

const ROLE = { admin: "Admin", operator: "Operator", auditor: "Auditor" } as const;

function nameOf({ display_name, username }: GroupUser): string {
  return display_name || username;
}

/** Who manages the hosts of a group. */
export function GroupUsersForm(
  { group, users, outside, may_change, may_read }: {
    group: Wire<GroupRow>;
    users: GroupUser[];
    outside: GroupUser[];
    may_change: boolean;
    /** Users have pages of their own, which are not for operators. */
    may_read: boolean;
  },
) {
  return (
    <div class="stack">
      {may_change && outside.length > 0 && (
        <form class="row group-add" method="post" action={`/groups/${group.id}/add-users`}>
          <SelectField
            id="user"
            name="user"
            label="Add a user"
            options={outside.map((user) => ({
              value: user.id,
              label: `${nameOf(user)} (${user.username}), ${ROLE[user.role].toLowerCase()}`,
            }))}
          />
          <Button type="submit" icon="plus">Add to {group.name}</Button>
          <LinkButton href={`/users/new?group=${group.id}`}>New user …</LinkButton>
        </form>
      )}
      {users.length === 0
        ? (
          <EmptyState title="No users" icon="users">
            {group.hosts > 0
              ? "Only admins and auditors see the hosts of this group that are in no other. Add the operators who manage them."
              : "Add the operators who shall manage its hosts."}
          </EmptyState>
        )
        : (
          <Table
            label={`Users of ${group.name}`}
            columns={
              <>
                <Column>Name</Column>
                <Column>Sees</Column>
                {may_change && (
                  <Column>
                    <span class="visually-hidden">Change</span>
                  </Column>
                )}
              </>
            }
          >
            {users.map((user) => (
              <Row key={user.id}>
                <RowName
                  href={may_read ? `/users/${user.id}` : undefined}
                  title={user.username}
                  note={user.display_name ? user.username : undefined}
                  marks={
                    <>
                      <Badge>{ROLE[user.role]}</Badge>
                      {user.disabled && <Badge tone="warn">Disabled</Badge>}
                    </>
                  }
                >
                  {nameOf(user)}
                </RowName>
                <Cell label="Sees">
                  {user.role === "operator" ? "the hosts of this group" : "all hosts, in every group"}
                </Cell>
                {may_change && (
                  <Cell right>
                    <form method="post" action={`/groups/${group.id}/remove-users`}>
                      <input type="hidden" name="user" value={user.id} />
                      <Button size="small" type="submit">
                        Take out<span class="visually-hidden">{nameOf(user)}</span>
                      </Button>
                    </form>
                  </Cell>
                )}
              </Row>
            ))}
          </Table>
        )}
    </div>
  );
}
