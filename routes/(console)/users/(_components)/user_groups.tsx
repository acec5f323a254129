import { Button } from "../../../../components/button.tsx";
import { SelectField } from "../../../../components/field.tsx";
import { EmptyState } from "../../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../../components/table.tsx";
import type { GroupRow } from "../../../../core/views/groups.ts";
import type { UserRow } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";
import { nameOf } from "./user_words.tsx";

/** Which groups somebody is in: whose hosts they manage, if they are an operator. */
export function UserGroups(
  { user, groups, may_change }: { user: Wire<UserRow>; groups: Wire<GroupRow>[]; may_change: boolean },
) {
  const name = nameOf(user);
  const inside = new Set(user.groups.map(({ id }) => id));
  const own = groups.filter(({ id }) => inside.has(id));
  const outside = groups.filter(({ id }) => !inside.has(id));
  return (
    <div class="stack">
      {may_change && outside.length > 0 && (
        <form class="row group-add" method="post" action={`/users/${user.id}/join-group`}>
          <SelectField
            id="group"
            name="group"
            label="Add to a group"
            options={outside.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <Button type="submit" icon="plus">Add {name}</Button>
        </form>
      )}
      {own.length === 0
        ? (
          <EmptyState title="In no group" icon="folder-tree">
            {user.role === "operator"
              ? `${name} manages hosts that are in no group, and no others.`
              : `${name} sees all hosts, whatever their groups.`}
          </EmptyState>
        )
        : (
          <Table
            label={`Groups of ${name}`}
            columns={
              <>
                <Column>Group</Column>
                <Column right>Hosts</Column>
                <Column right>Users</Column>
                {may_change && (
                  <Column>
                    <span class="visually-hidden">Change</span>
                  </Column>
                )}
              </>
            }
          >
            {own.map((group) => (
              <Row key={group.id}>
                <RowName href={`/groups/${group.id}`} title={group.name} note={group.description || undefined}>
                  {group.name}
                </RowName>
                <Cell right label="Hosts">{group.hosts.toLocaleString("en")}</Cell>
                <Cell right label="Users">{group.users.toLocaleString("en")}</Cell>
                {may_change && (
                  <Cell right>
                    <form method="post" action={`/users/${user.id}/leave-group`}>
                      <input type="hidden" name="group" value={group.id} />
                      <Button size="small" type="submit">
                        Take out<span class="visually-hidden">of {group.name}</span>
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
