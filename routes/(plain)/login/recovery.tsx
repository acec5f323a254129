import { Button, LinkButton } from "../../../components/button.tsx";
import { TextField } from "../../../components/field.tsx";
import { LoginCard } from "../../../components/login_card.tsx";
import { Notice } from "../../../components/states.tsx";
import { giveRecoveryCode } from "../../../core/auth/factors/give_factor.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { clientOf, codeMissing, problemOf } from "../../(_factors)/asking.ts";
import { localPath, readForm } from "../../(_role)/form.ts";
import { keepSession } from "../../(_role)/keep_session.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.use_recovery_code" },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  next: string;
  problem: { title: string; hint: string } | null;
}

export const handler = define.handlers({
  GET(ctx) {
    const next = localPath(ctx.url.searchParams.get("next") ?? "/");
    if (viewerOf(ctx.state).stage !== "factor") return ctx.redirect(next);
    return page<Data>({ next, problem: null });
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["next", "code"]);
    const next = localPath(form.get("next"));
    const { services } = ctx.state;
    const viewer = viewerOf(ctx.state);
    if (viewer.stage !== "factor") return ctx.redirect(next);
    try {
      const code = form.get("code").slice(0, 64);
      if (code === "") throw codeMissing();
      const opened = await giveRecoveryCode(services, viewer, code, clientOf(ctx), callContext(ctx.state));
      // Whoever needed one has lost something: the page says how many are left, and sets up what is missing.
      const then = `?recovered=1&next=${encodeURIComponent(next)}`;
      const to = opened.viewer.must_change_password ? `/password?next=${encodeURIComponent(next)}` : null;
      return await keepSession(ctx.redirect(to ?? `/profile/factors${then}`), services, opened);
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      const hint = "Codes have 24 letters and digits, and each works once.";
      return page<Data>({ next, problem: status === 401 ? { ...problem, hint } : problem }, { status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Recovery code";
  const { next, problem } = data;
  return (
    <LoginCard
      title="Recovery code"
      words={`to sign in as ${viewerOf(state).username}`}
      foot={<LinkButton kind="quiet" href={`/login/factor?next=${encodeURIComponent(next)}`}>Back</LinkButton>}
    >
      <form class="form" method="post" action="/login/recovery">
        {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
        <input type="hidden" name="next" value={next} />
        <TextField
          id="code"
          name="code"
          label="Recovery code"
          hint="One of the ten that you kept when you set up your second factor. It is used up with this."
          placeholder="xxxx-xxxx-xxxx-xxxx-xxxx-xxxx"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          mono
          required
          autofocus
        />
        <Button kind="primary" type="submit" wide>Sign in with this code</Button>
      </form>
    </LoginCard>
  );
});
