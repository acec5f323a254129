import { Badge } from "../../../../components/badge.tsx";
import { Button } from "../../../../components/button.tsx";
import { DefinitionList } from "../../../../components/definition_list.tsx";
import { DialogButton } from "../../../../components/dialog.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Notice } from "../../../../components/states.tsx";
import { SideFacts } from "../../../../components/side_facts.tsx";
import { Tabs } from "../../../../components/tabs.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { changeUser } from "../../../../core/users/change_user.ts";
import { whatKeepsUser } from "../../../../core/users/what_keeps_user.ts";
import { listGroups } from "../../../../core/views/groups.ts";
import { tokensOf } from "../../../../core/views/tokens.ts";
import { userDetail, userFigures, type UserRow, userSessions } from "../../../../core/views/users.ts";
import { type Wire, wire } from "../../../../core/wire.ts";
import { type Context, page, type RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../../(_components)/refusal.ts";
import { EditUserDialog, type TypedUser, UserDialogs } from "../(_components)/user_dialogs.tsx";
import { UserGroups } from "../(_components)/user_groups.tsx";
import { UserTokens } from "../(_components)/user_tokens.tsx";
import { UserSessions } from "../(_components)/user_sessions.tsx";
import { factorWords, nameOf, ROLE, StateBadges } from "../(_components)/user_words.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, tells_all: true },
  POST: { role: "admin", scope: "none", audit: "user.change", recent: true },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, refusal: Refusal | null = null, typed?: TypedUser) {
  const { sql } = ctx.state.services;
  const viewer = viewerOf(ctx.state);
  const user = await userDetail(sql, ctx.params.id);
  const may_change = viewer.role === "admin";
  const asked = ctx.url.searchParams.get("tab");
  const tab = asked === "groups" || asked === "tokens" ? asked : "sessions";
  const { admins } = await userFigures(sql);
  return {
    user: wire(user),
    sessions: wire(await userSessions(sql, user.id)),
    tokens: tab === "tokens" ? wire(await tokensOf(sql, user.id)) : [],
    groups: wire(await listGroups(sql, viewer.sees)),
    kept_by: may_change ? await whatKeepsUser(sql, user) : [],
    last_admin: user.role === "admin" && user.disabled_at === null && admins === 1,
    ...{ tab, may_change, refusal, typed },
  };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["display_name", "email", "role"]);
    const typed = { display_name: form.get("display_name"), email: form.get("email"), role: form.get("role") };
    try {
      const { user } = await changeUser(ctx.state.services.sql, ctx.params.id, typed, callContext(ctx.state));
      return ctx.redirect(`/users/${user.id}`);
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await read(ctx, refusal, typed), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { user, sessions, tokens, groups, kept_by, last_admin, tab, may_change, refusal, typed } = data;
  const name = nameOf(user);
  state.title = name;
  const viewer = viewerOf(state);
  const now = rfc3339(state.services.clock.now());
  const at = `/users/${user.id}`;
  const own = user.id === viewer.id;
  return (
    <>
      <PageHead
        title={name}
        crumbs={[{ href: "/users", label: "Users" }]}
        marks={
          <>
            <Badge>{ROLE[user.role]}</Badge>
            <StateBadges user={user} />
          </>
        }
        state={
          <>
            {user.last_login_at
              ? (
                <>
                  Last login <RelativeTime at={user.last_login_at} now={now} focusable />
                </>
              )
              : "Has never signed in"}
            {`, ${sessions.length === 0 ? "no open session" : countText(sessions.length, "open session")}.`}
            {own && " This is you."}
          </>
        }
        actions={may_change && (
          <>
            {user.disabled_at
              ? (
                <form method="post" action={`${at}/enable`}>
                  <Button type="submit" icon="power">Enable {name}</Button>
                </form>
              )
              : !own && !last_admin && <DialogButton opens="disable-user" icon="ban">Disable …</DialogButton>}
            <DialogButton kind="primary" opens="edit-user" icon="settings">Change …</DialogButton>
          </>
        )}
      />
      {refusal && (
        <Notice tone="bad" title={Object.values(refusal.fields)[0] ?? refusal.title}>
          {Object.keys(refusal.fields).length === 0 && refusal.hint} The user is as before.
        </Notice>
      )}
      {user.disabled_at && (
        <Notice tone="warn" title="This account is disabled.">
          Since <RelativeTime at={user.disabled_at} now={now} focusable /> nobody signs in with it.
        </Notice>
      )}
      <div class="detail">
        <SideFacts
          label={may_change && !own ? "Facts, password, second factor, removal" : "Facts"}
          glance={factorWords(user) ?? "no second factor"}
        >
          <Facts user={user} now={now} />
          {may_change &&
            (own
              ? (
                <p class="meta">
                  Your own password and factors are changed in <a href="/profile">your profile</a>.
                </p>
              )
              : (
                <div class="row">
                  <DialogButton opens="reset-password" icon="key-round">Reset password …</DialogButton>
                  <DialogButton opens="reset-factors" icon="shield-check">Reset second factor …</DialogButton>
                  {!last_admin && <DialogButton opens="remove-user" icon="trash-2">Remove …</DialogButton>}
                </div>
              ))}
        </SideFacts>
        <div class="detail-main">
          <Tabs
            label={`About ${name}`}
            tabs={[
              { href: at, label: "Sessions", count: sessions.length, current: tab === "sessions" },
              { href: `${at}?tab=groups`, label: "Groups", count: user.groups.length, current: tab === "groups" },
              { href: `${at}?tab=tokens`, label: "API tokens", count: user.tokens, current: tab === "tokens" },
            ]}
          />
          {tab === "tokens"
            ? <UserTokens user={user} tokens={tokens} viewer={viewer} clock={state.services.clock} />
            : tab === "sessions"
            ? (
              <UserSessions
                user={user}
                sessions={sessions}
                own={viewer.session_id}
                may_change={may_change}
                now={now}
              />
            )
            : <UserGroups user={user} groups={groups} may_change={may_change} />}
        </div>
      </div>
      {may_change && (
        <>
          <EditUserDialog user={user} typed={typed} refusal={refusal} last_admin={last_admin} />
          {!own && <UserDialogs user={user} kept_by={kept_by} />}
        </>
      )}
    </>
  );
});

function Facts({ user, now }: { user: Wire<UserRow>; now: string }) {
  const { factors } = user;
  return (
    <DefinitionList
      facts={[
        { name: "User name", value: user.username },
        { name: "Name", value: user.display_name || <span class="muted">none</span> },
        { name: "E-mail", value: user.email ?? <span class="muted">none</span> },
        { name: "Role", value: ROLE[user.role] },
        {
          name: "Password",
          value: user.must_change_password ? "one-time, not changed so far" : "chosen by themselves",
        },
        { name: "Second factor", value: factorWords(user) ?? <span class="tone-warn-text">none so far</span> },
        ...(factorWords(user) ? [{ name: "Recovery codes", value: `${factors.recovery_codes} left` }] : []),
        { name: "Added", value: <RelativeTime at={user.created_at} now={now} focusable /> },
      ]}
    />
  );
}
