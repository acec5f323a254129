import { Badge } from "../../../components/badge.tsx";
import { LinkButton } from "../../../components/button.tsx";
import { DefinitionList } from "../../../components/definition_list.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { userDetail, userSessions } from "../../../core/views/users.ts";
import { wire } from "../../../core/wire.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { define, viewerOf } from "../../(_role)/state.ts";
import { factorWords, nameOf, ROLE } from "../users/(_components)/user_words.tsx";
import { OwnSessions } from "./(_components)/own_sessions.tsx";
import { ProfileTabs } from "./(_components)/profile_tabs.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const { id } = viewerOf(ctx.state);
    return page({ user: wire(await userDetail(sql, id)), sessions: wire(await userSessions(sql, id)) });
  },
});

export default define.page<typeof handler>(({ data: { user, sessions }, state }) => {
  state.title = "Profile";
  const viewer = viewerOf(state);
  const now = rfc3339(state.services.clock.now());
  const others = sessions.filter(({ id }) => id !== viewer.session_id).length;
  return (
    <>
      <PageHead
        title={nameOf(user)}
        marks={<Badge>{ROLE[user.role]}</Badge>}
        state={others === 0
          ? "This is you. You are signed in here and nowhere else."
          : `This is you. You are signed in here and in ${countText(others, "other place")}.`}
        actions={<LinkButton icon="key-round" href="/password?next=/profile">Change password</LinkButton>}
      />
      <div class="detail">
        <aside class="detail-side">
          <DefinitionList
            facts={[
              { name: "User name", value: user.username },
              { name: "Role", value: ROLE[user.role] },
              { name: "Groups", value: user.groups.map(({ name }) => name).join(", ") || "None" },
              { name: "Second factor", value: factorWords(user) ?? "None" },
              {
                name: "Proved who you are",
                value: <RelativeTime at={rfc3339(viewer.authenticated_at)} now={now} focusable />,
              },
            ]}
          />
        </aside>
        <div class="detail-main">
          <ProfileTabs current="/profile" />
          <OwnSessions sessions={sessions} own={viewer.session_id} now={now} />
          <section class="stack" aria-labelledby="wall-title">
            <h2 id="wall-title">Wall screen</h2>
            <p>
              A browser on the wall shows the dashboard for 30 days without anybody at its keyboard, and can do nothing
              else. Open this page there.
            </p>
            <div class="row">
              <LinkButton icon="monitor" href="/profile/wall">Turn this browser into a wall screen …</LinkButton>
            </div>
          </section>
        </div>
      </div>
    </>
  );
});
