import { LinkButton } from "../../../components/button.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { Notice } from "../../../components/states.tsx";
import { loginWithPasskey } from "../../../core/auth/factors/login_with_passkey.ts";
import { Assertion } from "../../../core/auth/factors/types.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { clientOf, partyOf, problemOf, readAnswer } from "../../(_factors)/asking.ts";
import { localPath, readForm } from "../../(_role)/form.ts";
import { forgetInitialPassword } from "../../(_role)/initial_password.ts";
import { keepSession } from "../../(_role)/keep_session.ts";
import { callContext, define } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "anonymous", scope: "none", audit: null },
  POST: { role: "anonymous", scope: "none", audit: "auth.login" },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  // Somebody who reloads what was refused.
  GET: (ctx) => ctx.redirect("/login"),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["username", "password", "next", "response"]);
    const next = localPath(form.get("next"));
    const { services } = ctx.state;
    try {
      const opened = await loginWithPasskey(
        services.sql,
        readAnswer(Assertion, form.get("response")),
        partyOf(services, ctx.url),
        "browser",
        clientOf(ctx),
        callContext(ctx.state),
      );
      if (!opened.viewer.must_change_password) return await keepSession(ctx.redirect(next), services, opened);
      await forgetInitialPassword(services);
      return await keepSession(ctx.redirect(`/password?next=${encodeURIComponent(next)}`), services, opened);
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page({ next, problem }, { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Sign in";
  const { next, problem } = data;
  return (
    <LoginCard title="Sign in" words="with a passkey">
      <div class="form">
        <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>
        <LinkButton kind="primary" wide href={`/login?next=${encodeURIComponent(next)}`}>Back to signing in</LinkButton>
      </div>
    </LoginCard>
  );
});
