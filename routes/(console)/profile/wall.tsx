import { Button, LinkButton } from "../../../components/button.tsx";
import { TextField } from "../../../components/field.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { Notice } from "../../../components/states.tsx";
import { openWallScreen, WallScreen } from "../../../core/auth/open_wall_screen.ts";
import { AppError } from "../../../core/errors.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { keepSession } from "../../(_role)/keep_session.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, recent: true },
  POST: { role: "auditor", scope: "none", audit: "session.open_wall", recent: true },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  name: string;
  refusal: Refusal | null;
}

export const handler = define.handlers({
  GET: () => page<Data>({ name: "", refusal: null }),
  async POST(ctx) {
    const name = (await readForm(ctx.req, ["name"])).get("name");
    try {
      const order = WallScreen.safeParse({ name });
      if (!order.success) {
        const details = order.error.issues.map(({ message }) => ({ field: "name", problem: `The name ${message}.` }));
        throw new AppError("validation_failed", { details });
      }
      const { services, address } = ctx.state;
      const client = { address, user_agent: ctx.req.headers.get("user-agent") };
      const call = callContext(ctx.state);
      const opened = await openWallScreen(services.sql, viewerOf(ctx.state), order.data, client, call);
      return await keepSession(ctx.redirect("/dashboard"), services, opened);
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page<Data>({ name, refusal }, { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data: { name, refusal }, state }) => {
  state.title = "Wall screen";
  return (
    <>
      <PageHead
        title="Turn this browser into a wall screen"
        crumbs={[{ href: "/profile", label: "Profile" }]}
        state="It shows the dashboard as you see it, for 30 days, and can do nothing else."
      />
      {refusal && Object.keys(refusal.fields).length === 0 && (
        <Notice tone="bad" title={refusal.title}>{refusal.hint}</Notice>
      )}
      <form class="form" method="post" action="/profile/wall">
        <TextField
          id="name"
          name="name"
          label="Name of the screen"
          hint="By which you find it among your sessions: where it hangs, such as “Operations room”."
          value={name}
          error={refusal?.fields.name}
          maxLength={100}
          required
          autofocus
        />
        <p class="field-hint">
          Your present session in this browser ends. Whoever stands before the screen sees what you see on the
          dashboard; end it in your profile, on any other machine, when it is no longer yours.
        </p>
        <div class="row">
          <Button kind="primary" type="submit" icon="monitor">Turn this browser into a wall screen</Button>
          <LinkButton kind="quiet" href="/profile">Cancel</LinkButton>
        </div>
      </form>
    </>
  );
});
