import { PageHead } from "../../../../components/page_head.tsx";
import { resetPassword } from "../../../../core/users/reset_password.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define } from "../../../(_role)/state.ts";
import { OneTimePassword } from "../(_components)/one_time_password.tsx";
import { nameOf } from "../(_components)/user_words.tsx";

export const access = {
  GET: { role: "admin", scope: "none", audit: null },
  POST: { role: "admin", scope: "none", audit: "user.reset_password", recent: true },
} as const satisfies Record<string, RouteAccess>;

export const handler = define.handlers({
  /** Somebody opened again what a form led to: the password is not shown twice. */
  GET: (ctx) => ctx.redirect(`/users/${encodeURIComponent(ctx.params.id)}`),
  async POST(ctx) {
    await readForm(ctx.req, []);
    const { user, password } = await resetPassword(
      ctx.state.services.sql,
      ctx.params.id,
      callContext(ctx.state),
    );
    const { id, username, display_name } = user;
    return page({ id, username, display_name, password });
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { id, username, password } = data;
  const name = nameOf(data);
  state.title = name;
  return (
    <>
      <PageHead
        title={`The password of ${name} was reset`}
        crumbs={[{ href: "/users", label: "Users" }, { href: `/users/${id}`, label: name }]}
        state="The one of before is worth nothing, and all sessions and API tokens have ended. Second factors are as they were."
      />
      <OneTimePassword id={id} username={username} name={name} password={password} />
    </>
  );
});
