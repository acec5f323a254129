import { Confirmation, confirmWithCode, confirmWithPasskey } from "../../core/auth/factors/confirm_identity.ts";
import { Assertion } from "../../core/auth/factors/types.ts";
import { Credentials } from "../../core/auth/types.ts";
import { AppError } from "../../core/errors.ts";
import { type Context, page, type RouteAccess } from "../../web/mod.ts";
import { clientOf, keeping, partyOf, problemOf, readAnswer } from "../(_factors)/asking.ts";
import { type Again, AgainCard, type Asked, confirmCard } from "../(_factors)/confirm_card.tsx";
import { type Form, localPath, readForm } from "../(_role)/form.ts";
import { keepSession } from "../(_role)/keep_session.ts";
import { callContext, define, type State, viewerOf } from "../(_role)/state.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null },
  POST: { role: "auditor", scope: "none", audit: "auth.confirm" },
} as const satisfies Record<string, RouteAccess>;

const FIELDS = ["next", "again_to", "again_body", "username", "password", "code", "response"];

type Data = Asked & { confirmed: boolean };

export const handler = define.handlers({
  GET({ url }) {
    const next = localPath(url.searchParams.get("next") ?? "/");
    return page<Data>({ next, again: null, problem: null, confirmed: false });
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, FIELDS);
    const next = localPath(form.get("next"));
    const again = againOf(form);
    try {
      const opened = await confirm(ctx, form);
      const { services } = ctx.state;
      if (!again) return await keepSession(ctx.redirect(next), services, opened);
      const headers = await keeping(services, opened);
      return page<Data>({ next, again, problem: null, confirmed: true }, { headers });
    } catch (thrown) {
      const { status, ...problem } = problemOf(thrown);
      return page<Data>({ next, again, problem, confirmed: false }, { status });
    }
  },
});

export default define.page<typeof handler>(async ({ data, state, url }) => {
  state.title = data.confirmed ? "Confirmed" : "Confirm that it is you";
  if (data.confirmed && data.again) return <AgainCard next={data.next} again={data.again} />;
  return await confirmCard(state, url, data);
});

function confirm(ctx: Context<State>, form: Form) {
  const { services } = ctx.state;
  const viewer = viewerOf(ctx.state);
  const call = callContext(ctx.state);
  const answer = form.get("response");
  const password = form.get("password");
  if (answer === "") {
    const typed = Confirmation.safeParse({ password, code: form.get("code").slice(0, 64) });
    if (!typed.success) {
      throw new AppError("validation_failed", {
        message: "Password and code are needed.",
        hint: "Type both, or use a passkey.",
      });
    }
    return confirmWithCode(services, viewer, typed.data, clientOf(ctx), call);
  }
  const assertion = readAnswer(Assertion, answer);
  const typed = Credentials.shape.password.safeParse(password);
  const party = partyOf(services, ctx.url);
  return confirmWithPasskey(services, viewer, assertion, typed.data ?? null, party, clientOf(ctx), call);
}

/** Only what goes to this site waits; for anything else there is nothing to repeat. */
function againOf(form: Form): Again | null {
  const to = form.get("again_to");
  return to !== "" && localPath(to) === to ? { to, body: form.get("again_body") } : null;
}
