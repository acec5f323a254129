import { Button } from "../../../components/button.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { Notice } from "../../../components/states.tsx";
import { giveCode, givePasskey } from "../../../core/auth/factors/give_factor.ts";
import { factorsOf } from "../../../core/auth/factors/list_factors.ts";
import { passkeysAt } from "../../../core/auth/factors/relying_party.ts";
import { Assertion } from "../../../core/auth/factors/types.ts";
import PasskeyButton from "../../../islands/passkey_button.tsx";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { clientOf, codeMissing, partyOf, problemOf, readAnswer } from "../../(_factors)/asking.ts";
import { CodeField } from "../../(_factors)/code_field.tsx";
import { localPath, readForm } from "../../(_role)/form.ts";
import { keepSession } from "../../(_role)/keep_session.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.factor" },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, next: string, problem: { title: string; hint: string } | null = null) {
  const { app, passkeys, recovery_codes_left } = await factorsOf(ctx.state.services.sql, viewerOf(ctx.state).id);
  return { next, problem, app: app !== null, passkeys: passkeys.length > 0, recovery: recovery_codes_left > 0 };
}

export const handler = define.handlers({
  async GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (viewerOf(ctx.state).stage !== "factor") return ctx.redirect(next);
    return page(await read(ctx, next));
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "code", "response"]);
    const next = localPath(form.get("next"));
    const { services } = ctx.state;
    const viewer = viewerOf(ctx.state);
    if (viewer.stage !== "factor") return ctx.redirect(next);
    try {
      const answer = form.get("response");
      const code = form.get("code").slice(0, 64);
      if (answer === "" && code === "") throw codeMissing();
      const call = callContext(ctx.state);
      const opened = answer === "" ? await giveCode(services, viewer, code, clientOf(ctx), call) : await givePasskey(
        services,
        viewer,
        readAnswer(Assertion, answer),
        partyOf(services, ctx.url),
        clientOf(ctx),
        call,
      );
      const to = opened.viewer.must_change_password ? `/password?next=${encodeURIComponent(next)}` : next;
      return await keepSession(ctx.redirect(to), services, opened);
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page(await read(ctx, next, problem), { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Second factor";
  const { next, problem, app, passkeys, recovery } = data;
  const viewer = viewerOf(state);
  const { party, unavailable } = passkeysAt(state.services.public_url, url);
  return (
    <LoginCard
      title="Second factor"
      words={`to sign in as ${viewer.username}`}
      foot={
        <form method="post" action="/logout">
          <Button kind="quiet" type="submit">Sign in as somebody else</Button>
        </form>
      }
    >
      <form class="form" method="post" action="/login/factor" id="factor">
        {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
        <input type="hidden" name="next" value={next} />
        {app && (
          <>
            <CodeField hint="Six digits from your authenticator app. Each code counts once." autofocus />
            <Button kind="primary" type="submit" wide>Sign in</Button>
          </>
        )}
      </form>
      {passkeys && party && (
        <PasskeyButton
          form="factor"
          action="/login/factor"
          act="use"
          label="Use a passkey"
          kind={app ? "plain" : "primary"}
          origin={party.origin}
        />
      )}
      {passkeys && !party && <p class="field-hint">{unavailable}</p>}
      {recovery && (
        <p class="login-else">
          <a href={`/login/recovery?next=${encodeURIComponent(next)}`}>Use a recovery code instead</a>
        </p>
      )}
      {!recovery && (
        <p class="login-else field-hint">
          No recovery code is left. Without {app ? "the app" : "the passkey"} an admin has to reset your second factor.
        </p>
      )}
    </LoginCard>
  );
});
