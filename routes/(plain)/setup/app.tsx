import { LinkButton } from "../../../components/button.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { enrolTotp, TotpEnrolment } from "../../../core/auth/factors/enrol_totp.ts";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { AppSetup, beginOrResume } from "../../(_factors)/app_setup.tsx";
import { clientOf, codeMissing, keeping, problemOf } from "../../(_factors)/asking.ts";
import { RecoveryCodes } from "../../(_factors)/recovery_codes.tsx";
import { localPath, readForm } from "../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.enrol_totp" },
} as const satisfies Record<string, RouteAccess>;

type Problem = { title: string; hint: string } | null;

async function read(ctx: Context<State>, next: string, begun: string | null, problem: Problem) {
  return { next, problem, setup: await beginOrResume(ctx.state, begun), codes: null };
}

export const handler = define.handlers({
  async GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (viewerOf(ctx.state).stage !== "enrol") return ctx.redirect("/profile/factors");
    return page(await read(ctx, next, null, null));
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "setup", "code"]);
    const next = localPath(form.get("next"));
    const viewer = viewerOf(ctx.state);
    // The page was sent twice: the first time has let them in.
    if (viewer.stage !== "enrol") return ctx.redirect("/profile/factors");
    const { services } = ctx.state;
    const begun = form.get("setup");
    try {
      const read = TotpEnrolment.safeParse({ setup: begun, code: form.get("code").slice(0, 64) });
      if (!read.success) throw codeMissing();
      const { opened, recovery_codes } = await enrolTotp(
        services,
        viewer,
        read.data,
        clientOf(ctx),
        callContext(ctx.state),
      );
      const headers = await keeping(services, opened);
      return page({ next, problem: null, setup: null, codes: recovery_codes ?? [] }, { headers });
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page(await read(ctx, next, begun, problem), { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { next, problem, setup, codes } = data;
  const { username } = viewerOf(state);
  if (!setup) {
    state.title = "Recovery codes";
    return (
      <LoginCard title="Keep your recovery codes" words="Step 3 of 3. Your app is set up." wide>
        <RecoveryCodes codes={codes} username={username} next={next} go="Go on to Linux Patch Manager" />
      </LoginCard>
    );
  }
  state.title = "Set up an authenticator app";
  return (
    <LoginCard
      title="Set up an authenticator app"
      words={`Step 2 of 3 for ${username}`}
      foot={<LinkButton kind="quiet" href={`/setup?next=${encodeURIComponent(next)}`}>Back</LinkButton>}
    >
      <AppSetup action="/setup/app" next={next} setup={setup} problem={problem} />
    </LoginCard>
  );
});
