import { Button, LinkButton } from "../../../components/button.tsx";
import { Filters, FilterSelect, SortSelect } from "../../../components/filters.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, type Sorting, Table } from "../../../components/table.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { listGroups } from "../../../core/views/groups.ts";
import { listUsers, type UserFigures, userFigures, type UserRow } from "../../../core/views/users.ts";
import { type Wire, wire } from "../../../core/wire.ts";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { define, type State, viewerOf } from "../../(_role)/state.ts";
import { withQuery } from "../(_components)/host_words.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";
import { askedUsers, isFiltered, usersQuery } from "./(_components)/query.ts";
import { factorWords, GroupLinks, nameOf, ROLE, StateBadges } from "./(_components)/user_words.tsx";

export const access = { role: "auditor", scope: "none", audit: null, tells_all: true } as const satisfies RouteAccess;

async function read(ctx: Context<State>) {
  const { sql } = ctx.state.services;
  const asked = askedUsers(ctx.url.searchParams);
  const figures = await userFigures(sql);
  const groups = (await listGroups(sql, viewerOf(ctx.state).sees)).map(({ id, name }) => ({ id, name }));
  let refusal: Refusal | null = null;
  let list: Wire<Awaited<ReturnType<typeof listUsers>>> = { items: [], next: null, total: 0 };
  try {
    list = wire(await listUsers(sql, usersQuery(asked)));
  } catch (thrown) {
    refusal = refusalOf(thrown);
  }
  return { asked, figures, groups, list, refusal };
}

export const handler = define.handlers({
  async GET(ctx) {
    const data = await read(ctx);
    return page(data, data.refusal ? { status: data.refusal.status } : {});
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Users";
  const { asked, figures, list, refusal } = data;
  const viewer = viewerOf(state);
  const now = rfc3339(state.services.clock.now());
  return (
    <>
      <PageHead
        title="Users"
        state={figuresSentence(figures)}
        actions={viewer.role === "admin" && (
          <LinkButton kind="primary" icon="plus" href="/users/new">New user</LinkButton>
        )}
      />
      {refusal && <Notice tone="bad" title={refusal.title}>{refusal.hint}</Notice>}
      <FilterRow data={data} />
      {list.items.length === 0
        ? (
          <EmptyState
            title="No user matches"
            icon="users"
            actions={<LinkButton href="/users">Show all users</LinkButton>}
          >
            {isFiltered(asked)
              ? "Nothing fits all of these filters at once. Take one away."
              : "There is no such page of the list."}
          </EmptyState>
        )
        : <UserTable users={list.items} own={viewer.id} sort={asked.sort} url={url} now={now} />}
      {(list.next || asked.cursor) && (
        <nav class="row" aria-label="Pages of users">
          {asked.cursor && (
            <LinkButton href={withQuery(url, { cursor: null })} icon="chevron-left">First page</LinkButton>
          )}
          {list.next && (
            <LinkButton href={withQuery(url, { cursor: list.next })} icon="chevron-right">Next users</LinkButton>
          )}
        </nav>
      )}
    </>
  );
});

function figuresSentence({ users, enabled, admins, without_factor }: UserFigures): string {
  const parts = [countText(users, "user"), countText(admins, "admin")];
  if (enabled < users) parts.push(`${(users - enabled).toLocaleString("en")} disabled`);
  const missing = without_factor === 0
    ? ""
    : ` ${
      countText(without_factor, "user has", "users have")
    } no second factor so far: it is set up at the next login.`;
  return `${parts.join(", ")}.${missing}`;
}

function FilterRow({ data }: { data: Awaited<ReturnType<typeof read>> }) {
  const { asked, groups, list } = data;
  return (
    <Filters action="/users" label="Filter the users" result={countText(list.total, "user")}>
      <input
        class="input"
        type="search"
        name="q"
        aria-label="Part of user name, name or e-mail address"
        placeholder="Name or e-mail"
        value={asked.q}
        maxLength={200}
      />
      <FilterSelect
        id="role"
        name="role"
        label="Role"
        value={asked.role}
        options={[
          { value: "", label: "Any role" },
          ...Object.entries(ROLE).map(([value, label]) => ({ value, label: `${label}s` })),
        ]}
      />
      <FilterSelect
        id="state"
        name="state"
        label="State"
        value={asked.state}
        options={[
          { value: "", label: "Any state" },
          { value: "enabled", label: "Enabled" },
          { value: "disabled", label: "Disabled" },
          { value: "one_time", label: "One-time password" },
        ]}
      />
      <FilterSelect
        id="factor"
        name="factor"
        label="Second factor"
        value={asked.factor}
        options={[
          { value: "", label: "Any factor" },
          { value: "set", label: "Second factor set" },
          { value: "none", label: "None set" },
        ]}
      />
      {groups.length > 0 && (
        <FilterSelect
          id="group"
          name="group"
          label="Group"
          value={asked.group}
          options={[
            { value: "", label: "Any group" },
            { value: "none", label: "In no group" },
            ...groups.map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
      )}
      <SortSelect
        value={asked.sort === "username" ? "" : asked.sort}
        options={[
          { value: "", label: "Sort: name" },
          { value: "role", label: "Sort: role" },
          { value: "-last_login", label: "Sort: latest login" },
        ]}
      />
      <Button type="submit" icon="filter">Filter</Button>
    </Filters>
  );
}

function UserTable(
  { users, own, sort, url, now }: { users: Wire<UserRow>[]; own: string; sort: string; url: URL; now: string },
) {
  const sorting = (column: string): Sorting => {
    const present = sort || "username";
    const direction = present === column ? "ascending" : present === `-${column}` ? "descending" : null;
    const next = direction === "ascending" ? `-${column}` : column;
    return { direction, href: withQuery(url, { sort: next, cursor: null }) };
  };
  return (
    <Table
      label="Users"
      height="fill"
      columns={
        <>
          <Column sorting={sorting("username")}>User</Column>
          <Column sorting={sorting("role")}>Role</Column>
          <Column>Groups</Column>
          <Column>Second factor</Column>
          <Column right>Sessions</Column>
          <Column right sorting={sorting("last_login")}>Last login</Column>
        </>
      }
    >
      {users.map((user) => (
        <Row key={user.id}>
          <RowName
            href={`/users/${user.id}`}
            title={user.username}
            note={user.display_name ? user.username : undefined}
            marks={
              <>
                {user.id === own && <span class="muted">you</span>}
                <StateBadges user={user} />
              </>
            }
          >
            {nameOf(user)}
          </RowName>
          <Cell label="Role">{ROLE[user.role]}</Cell>
          <Cell label="Groups" wide title={user.groups.map(({ name }) => name).join(", ") || undefined}>
            <GroupLinks groups={user.groups} none={<span class="muted">none</span>} />
          </Cell>
          <Cell label="Second factor">
            {factorWords(user) ?? <span class={user.disabled_at ? "muted" : "tone-warn-text"}>none so far</span>}
          </Cell>
          <Cell right label="Sessions">
            {user.sessions > 0 ? user.sessions.toLocaleString("en") : <span class="muted">0</span>}
          </Cell>
          <Cell right label="Last login">
            {user.last_login_at ? <RelativeTime at={user.last_login_at} now={now} /> : <span class="muted">never</span>}
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
