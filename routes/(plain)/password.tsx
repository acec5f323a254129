import { changePassword, PasswordChange } from "../../core/auth/change_password.ts";
import { LONGEST_PASSWORD, shortestPassword } from "../../core/auth/password_rules.ts";
import { AppError } from "../../core/errors.ts";
import { Button, LinkButton } from "../../components/button.tsx";
import { TextField } from "../../components/field.tsx";
import { LoginCard } from "../../components/login_card.tsx";
import { Notice } from "../../components/states.tsx";
import { page, type RouteAccess } from "../../web/mod.ts";
import { localPath, readForm } from "../(_role)/form.ts";
import { keepSession } from "../(_role)/keep_session.ts";
import { callContext, define, viewerOf } from "../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.change_password" },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  /** Where to go afterwards. */
  next: string;
  problem: { title: string; hint: string } | null;
  fields: Record<string, string>;
}

export const handler = define.handlers({
  GET: ({ url }) => page<Data>({ next: localPath(url.searchParams.get("next") ?? "/"), problem: null, fields: {} }),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["current_password", "new_password", "repeated_password", "next", "username"]);
    const next = localPath(form.get("next"));
    try {
      if (form.get("new_password") !== form.get("repeated_password")) {
        throw new AppError("validation_failed", {
          details: [{ field: "repeated_password", problem: "It is not the same as above.", hint: "Type it again." }],
        });
      }
      const change = PasswordChange.safeParse({
        current_password: form.get("current_password"),
        new_password: form.get("new_password"),
      });
      if (!change.success) throw new AppError("validation_failed", { message: "All three fields are needed." });
      const { services, address } = ctx.state;
      const client = { address, user_agent: ctx.req.headers.get("user-agent") };
      const call = callContext(ctx.state);
      const { sql, blocklist } = services;
      const { opened } = await changePassword(sql, blocklist, viewerOf(ctx.state), change.data, client, call);
      // Whoever has no second factor yet sets one up next, and goes on from there.
      const to = opened.viewer.stage === "enrol" ? `/setup?next=${encodeURIComponent(next)}` : next;
      return await keepSession(ctx.redirect(to), services, opened);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
      const fields: Record<string, string> = {};
      for (const { field, problem, hint } of thrown.details) fields[field] ??= hint ? `${problem} ${hint}` : problem;
      return page<Data>({ next, problem: { title: thrown.message, hint: thrown.hint }, fields }, {
        status: thrown.status,
      });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Change password";
  const viewer = viewerOf(state);
  const { next, problem, fields } = data;
  const first = viewer.must_change_password;
  return (
    <LoginCard
      title={first ? "Choose your own password" : "Change password"}
      words={first ? "The one-time password was for this login only." : `of ${viewer.username}`}
      foot={first ? undefined : <LinkButton kind="quiet" href={next}>Back without changing it</LinkButton>}
    >
      <form class="form" method="post" action="/password">
        {problem && Object.keys(fields).length === 0 && (
          <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>
        )}
        <input type="hidden" name="next" value={next} />
        <input type="text" name="username" value={viewer.username} autocomplete="username" hidden readOnly />
        <TextField
          id="current_password"
          name="current_password"
          type="password"
          label={first ? "One-time password" : "Present password"}
          hint={first && "Once more the one that you just signed in with."}
          autocomplete="current-password"
          error={fields.current_password}
          maxLength={1024}
          required
          autofocus
        />
        <TextField
          id="new_password"
          name="new_password"
          type="password"
          label="New password"
          autocomplete="new-password"
          hint={`${
            shortestPassword(false)
          } to ${LONGEST_PASSWORD} characters, any you like. A few words that do not belong together are easy to remember.`}
          error={fields.new_password}
          maxLength={1024}
          required
        />
        <TextField
          id="repeated_password"
          name="repeated_password"
          type="password"
          label="The same again"
          autocomplete="new-password"
          error={fields.repeated_password}
          maxLength={1024}
          required
        />
        <p class="field-hint">All your other sessions and your API tokens end.</p>
        <Button kind="primary" type="submit" wide>Change password</Button>
      </form>
    </LoginCard>
  );
});
