import { LinkButton } from "../../../../components/button.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { Code } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Notice } from "../../../../components/states.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { createToken } from "../../../../core/tokens/create_token.ts";
import { listGroups } from "../../../../core/views/groups.ts";
import { wire } from "../../../../core/wire.ts";
import CopyText from "../../../../islands/copy_text.tsx";
import { type Context, page, type RouteAccess } from "../../../../web/mod.ts";
import { type Form, readForm } from "../../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../../(_components)/refusal.ts";
import { TokenForm, type TypedToken } from "../../(_components)/token_form.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, recent: true },
  POST: { role: "auditor", scope: "none", audit: "api_token.create", recent: true },
} as const satisfies Record<string, RouteAccess>;

const BLANK: TypedToken = { name: "", scopes: ["read"], group_ids: [], networks: "", expires_in_days: "90" };

async function read(ctx: Context<State>, typed: TypedToken, refusal: Refusal | null) {
  const groups = await listGroups(ctx.state.services.sql, viewerOf(ctx.state).sees);
  return { typed, refusal, groups: groups.map(({ id, name }) => ({ id, name })), made: null };
}

function typedIn(form: Form): TypedToken {
  const { name, networks, expires_in_days } = {
    name: form.get("name"),
    networks: form.get("networks"),
    expires_in_days: form.get("expires_in_days"),
  };
  return { name, networks, expires_in_days, scopes: form.all("scope"), group_ids: form.all("group") };
}

/** None ticked, and nothing typed, mean no limit. */
function orderOf({ name, scopes, group_ids, networks, expires_in_days }: TypedToken) {
  const lines = networks.split(/[\s,]+/).filter((line) => line !== "");
  return {
    name,
    scopes,
    group_ids: group_ids.length > 0 ? group_ids : null,
    networks: lines.length > 0 ? lines : null,
    expires_in_days: Number(expires_in_days),
  };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx, BLANK, null)),
  async POST(ctx) {
    const typed = typedIn(await readForm(ctx.req, ["name", "networks", "expires_in_days"], ["scope", "group"]));
    const { sql } = ctx.state.services;
    try {
      const made = await createToken(sql, viewerOf(ctx.state), orderOf(typed), callContext(ctx.state));
      return page({ typed, refusal: null, groups: [], made: wire(made) });
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await read(ctx, typed, refusal), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { typed, refusal, groups, made } = data;
  state.title = made ? "Your new API token" : "New API token";
  const crumbs = [{ href: "/profile", label: "Profile" }, { href: "/profile/tokens", label: "API tokens" }];
  if (made) {
    return (
      <>
        <PageHead
          title={typed.name.trim()}
          crumbs={crumbs}
          state={
            <>
              It is good until it is revoked, and ends{" "}
              <RelativeTime at={made.expires_at} now={rfc3339(state.services.clock.now())} />.
            </>
          }
          actions={<LinkButton kind="primary" href="/profile/tokens">I have kept it</LinkButton>}
        />
        <Notice tone="warn" title="Copy the token now: it is shown only this once.">
          <pre class="command" tabIndex={0} aria-label="API token"><code>{made.token}</code></pre>
          <p class="copy-line">
            <CopyText text={made.token} what="the token" />
          </p>
          Keep it where the program reads its secrets, never in code. Sent as{" "}
          <Code>Authorization: Bearer …</Code>. Whoever has it can do what it may: revoke it when in doubt.
        </Notice>
      </>
    );
  }
  return (
    <>
      <PageHead
        title="New API token"
        crumbs={crumbs}
        state="It acts in your name, with no more rights than you have at that moment, and ends when your password, your role or your second factors change."
      />
      {refusal && <Notice tone="bad" title={refusal.title}>No token was made.</Notice>}
      <TokenForm typed={typed} groups={groups} role={viewerOf(state).role} fields={refusal?.fields ?? {}} />
    </>
  );
});
