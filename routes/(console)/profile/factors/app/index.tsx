import { LinkButton } from "../../../../../components/button.tsx";
import { PageHead } from "../../../../../components/page_head.tsx";
import { enrolTotp, TotpEnrolment } from "../../../../../core/auth/factors/enrol_totp.ts";
import { factorsOf } from "../../../../../core/auth/factors/list_factors.ts";
import { type Context, page, type RouteAccess } from "../../../../../web/mod.ts";
import { AppSetup, beginOrResume } from "../../../../(_factors)/app_setup.tsx";
import { clientOf, codeMissing, problemOf } from "../../../../(_factors)/asking.ts";
import { RecoveryCodes } from "../../../../(_factors)/recovery_codes.tsx";
import { readForm } from "../../../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, recent: true },
  POST: { role: "auditor", scope: "none", audit: "auth.enrol_totp", recent: true },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, begun: string | null, problem: { title: string; hint: string } | null) {
  const { app } = await factorsOf(ctx.state.services.sql, viewerOf(ctx.state).id);
  const setup = await beginOrResume(ctx.state, begun);
  return { setup, problem, anew: app !== null, codes: null };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx, null, null)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "setup", "code"]);
    const begun = form.get("setup");
    try {
      const typed = TotpEnrolment.safeParse({ setup: begun, code: form.get("code").slice(0, 64) });
      if (!typed.success) throw codeMissing();
      const viewer = viewerOf(ctx.state);
      const call = callContext(ctx.state);
      const { recovery_codes } = await enrolTotp(ctx.state.services, viewer, typed.data, clientOf(ctx), call);
      if (!recovery_codes) return ctx.redirect("/profile/factors?done=app");
      return page({ setup: null, problem: null, anew: false, codes: recovery_codes });
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page(await read(ctx, begun, problem), { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { setup, problem, anew, codes } = data;
  const crumbs = [{ href: "/profile/factors", label: "Second factor" }];
  if (!setup) {
    state.title = "Recovery codes";
    return (
      <>
        <PageHead title="Keep your recovery codes" crumbs={crumbs} state="The app is set up." />
        <div class="narrow-part">
          <RecoveryCodes codes={codes} username={viewerOf(state).username} next="/profile/factors" go="Done" />
        </div>
      </>
    );
  }
  state.title = anew ? "Set up the app anew" : "Set up an authenticator app";
  return (
    <>
      <PageHead
        title={state.title}
        crumbs={crumbs}
        state={anew
          ? "The present app goes on until you have confirmed a code of the new one. Then your other sessions end."
          : "Once a code is confirmed, your other sessions end."}
      />
      <div class="narrow-part">
        <AppSetup action="/profile/factors/app" next="/profile/factors" setup={setup} problem={problem} />
        <LinkButton kind="quiet" href="/profile/factors">Back without changing anything</LinkButton>
      </div>
    </>
  );
});
