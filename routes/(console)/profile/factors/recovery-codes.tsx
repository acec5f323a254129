import { PageHead } from "../../../../components/page_head.tsx";
import { makeRecoveryCodes } from "../../../../core/auth/factors/make_recovery_codes.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { RecoveryCodes } from "../../../(_factors)/recovery_codes.tsx";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.make_recovery_codes", recent: true },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  // Somebody who reloads what was shown once.
  GET: (ctx) => ctx.redirect("/profile/factors"),
  async POST(ctx) {
    await readForm(ctx.req, []);
    return page(await makeRecoveryCodes(ctx.state.services.sql, viewerOf(ctx.state), callContext(ctx.state)));
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Recovery codes";
  return (
    <>
      <PageHead
        title="Keep your recovery codes"
        crumbs={[{ href: "/profile/factors", label: "Second factor" }]}
        state="These ten take the place of all that you had before."
      />
      <div class="narrow-part">
        <RecoveryCodes codes={data} username={viewerOf(state).username} next="/profile/factors" go="Done" />
      </div>
    </>
  );
});
