import { passkeysAt } from "../../core/auth/factors/relying_party.ts";
import { login } from "../../core/auth/login.ts";
import { Credentials, type Viewer } from "../../core/auth/types.ts";
import { AppError } from "../../core/errors.ts";
import { Button } from "../../components/button.tsx";
import { TextField } from "../../components/field.tsx";
import { LoginCard } from "../../components/login_card.tsx";
import { Notice } from "../../components/states.tsx";
import PasskeyButton from "../../islands/passkey_button.tsx";
import { page, type RouteAccess } from "../../web/mod.ts";
import { clientOf } from "../(_factors)/asking.ts";
import { localPath, readForm } from "../(_role)/form.ts";
import { forgetInitialPassword } from "../(_role)/initial_password.ts";
import { endedWords } from "../(_role)/ended_words.ts";
import { keepSession } from "../(_role)/keep_session.ts";
import { callContext, define } from "../(_role)/state.ts";

export const access = {
  GET: { role: "anonymous", scope: "none", audit: null },
  POST: { role: "anonymous", scope: "none", audit: "auth.login" },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  next: string;
  username: string;
  problem: { title: string; hint: string } | null;
}

/** Where a sign-in goes on: to what is still missing, and from there to where one wanted. */
function onward(viewer: Viewer, next: string): string {
  const then = `?next=${encodeURIComponent(next)}`;
  if (viewer.stage === "factor") return `/login/factor${then}`;
  if (viewer.must_change_password) return `/password${then}`;
  return viewer.stage === "enrol" ? `/setup${then}` : next;
}

export const handler = define.handlers({
  GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (ctx.state.viewer) return ctx.redirect(onward(ctx.state.viewer, next));
    return page<Data>({ next, username: "", problem: endedWords(ctx.state) });
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "username", "password"]);
    const next = localPath(form.get("next"));
    const username = form.get("username").slice(0, 64);
    try {
      const credentials = Credentials.safeParse({ username, password: form.get("password") });
      if (!credentials.success) throw new AppError("login_failed", { message: "User name and password are needed." });
      const { services } = ctx.state;
      const opened = await login(services.sql, credentials.data, "browser", clientOf(ctx), callContext(ctx.state));
      await forgetInitialPassword(services);
      return await keepSession(ctx.redirect(onward(opened.viewer, next)), services, opened);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
      // What was typed stays, but never the password.
      const problem = { title: thrown.message, hint: thrown.hint };
      return page<Data>({ next, username, problem }, { status: thrown.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Sign in";
  const { next, username, problem } = data;
  const { party } = passkeysAt(state.services.public_url, url);
  return (
    <LoginCard title="Sign in" words="to Linux Patch Manager" foot={`Version ${state.services.version}`}>
      <form class="form" method="post" action="/login" id="login">
        {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
        <input type="hidden" name="next" value={next} />
        <TextField
          id="username"
          name="username"
          label="User name"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          value={username}
          maxLength={64}
          required
          autofocus={username === ""}
        />
        <TextField
          id="password"
          name="password"
          type="password"
          label="Password"
          autocomplete="current-password"
          maxLength={1024}
          required
          autofocus={username !== ""}
        />
        <Button kind="primary" type="submit" wide>Sign in</Button>
      </form>
      {party && (
        <PasskeyButton
          form="login"
          action="/login/passkey"
          act="use"
          label="Sign in with a passkey"
          origin={party.origin}
        />
      )}
    </LoginCard>
  );
});
