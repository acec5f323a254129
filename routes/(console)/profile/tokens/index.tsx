import { LinkButton } from "../../../../components/button.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { countText } from "../../../../components/quantity.tsx";
import { EmptyState } from "../../../../components/states.tsx";
import { isRecent } from "../../../../core/auth/recent.ts";
import { rfc3339 } from "../../../../core/clock.ts";
import { tokensOf } from "../../../../core/views/tokens.ts";
import { wire } from "../../../../core/wire.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";
import { ProfileTabs } from "../(_components)/profile_tabs.tsx";
import { TokenTable } from "../../(_components)/token_table.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  GET: async (ctx) => page({ tokens: wire(await tokensOf(ctx.state.services.sql, viewerOf(ctx.state).id)) }),
});

export default define.page<typeof handler>(({ data: { tokens }, state }) => {
  state.title = "API tokens";
  const { clock } = state.services;
  const good = tokens.filter((one) => one.state === "good").length;
  const recent = isRecent(viewerOf(state), clock);
  const make = <LinkButton kind="primary" icon="plus" href="/profile/tokens/new">New token</LinkButton>;
  return (
    <>
      <PageHead
        title="API tokens"
        crumbs={[{ href: "/profile", label: "Profile" }]}
        state={good === 0
          ? "No program acts in your name."
          : `${countText(good, "token")} can act in your name, with no more rights than you have at that moment.`}
        actions={tokens.length > 0 && make}
      />
      <ProfileTabs current="/profile/tokens" />
      {tokens.length === 0
        ? (
          <EmptyState title="No API tokens" icon="key-round" actions={make}>
            A token lets a script or another system use the REST API without your password: with the rights that you
            choose, for the hosts and from the networks that you name, and for a limited time.
          </EmptyState>
        )
        : <TokenTable tokens={tokens} now={rfc3339(clock.now())} back={recent ? "/profile/tokens" : null} />}
      {!recent && tokens.some((one) => one.ended_at === null) && (
        <p class="meta">
          To revoke a token,{" "}
          <a href={`/confirm?next=${encodeURIComponent("/profile/tokens")}`}>confirm first that it is you</a>.
        </p>
      )}
    </>
  );
});
