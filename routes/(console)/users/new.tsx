import { Button, LinkButton } from "../../../components/button.tsx";
import { CheckField, SelectField, TextField } from "../../../components/field.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { Notice } from "../../../components/states.tsx";
import { createUser } from "../../../core/users/create_user.ts";
import { MAX_USERNAME } from "../../../core/users/types.ts";
import { listGroups } from "../../../core/views/groups.ts";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";
import { OneTimePassword } from "./(_components)/one_time_password.tsx";
import { nameOf, ROLE_OPTIONS } from "./(_components)/user_words.tsx";

export const access = {
  // Asked before the form is filled in, not after.
  GET: { role: "admin", scope: "none", audit: null, recent: true },
  POST: { role: "admin", scope: "none", audit: "user.create", recent: true },
} as const satisfies Record<string, RouteAccess>;

interface Typed {
  username: string;
  display_name: string;
  email: string;
  role: string;
  group_ids: string[];
}

async function empty(ctx: Context<State>, typed: Typed, refusal: Refusal | null = null) {
  const groups = (await listGroups(ctx.state.services.sql, viewerOf(ctx.state).sees))
    .map(({ id, name }) => ({ id, name }));
  return { step: "form" as const, typed, groups, refusal };
}

export const handler = define.handlers({
  GET: async (ctx) => {
    const group_ids = ctx.url.searchParams.getAll("group");
    return page(await empty(ctx, { username: "", display_name: "", email: "", role: "operator", group_ids }));
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["username", "display_name", "email", "role"], ["group"]);
    const typed = {
      username: form.get("username"),
      display_name: form.get("display_name"),
      email: form.get("email"),
      role: form.get("role"),
      group_ids: form.all("group"),
    };
    try {
      const { user, password } = await createUser(ctx.state.services.sql, typed, callContext(ctx.state));
      const { id, username, display_name } = user;
      return page({ step: "made" as const, id, username, display_name, password });
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await empty(ctx, typed, refusal), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const crumbs = [{ href: "/users", label: "Users" }];
  if (data.step === "made") {
    const { id, username, password } = data;
    const name = nameOf(data);
    state.title = name;
    return (
      <>
        <PageHead
          title={`${name} can sign in`}
          crumbs={crumbs}
          state="At the first login the password is changed and a second factor is set up; nothing else is open before."
        />
        <OneTimePassword id={id} username={username} name={name} password={password} />
      </>
    );
  }
  state.title = "New user";
  const { typed, groups, refusal } = data;
  return (
    <>
      <PageHead
        title="New user"
        crumbs={crumbs}
        state="You get a one-time password for them. A second factor is set up at the first login."
      />
      <form class="form" method="post" action="/users/new">
        {refusal && <Notice tone="bad" title={refusal.title}>{refusal.hint}</Notice>}
        <TextField
          id="username"
          name="username"
          label="User name"
          placeholder="ines.duarte"
          hint="To sign in with; also an e-mail address will do. It cannot be changed later: the audit log knows people by it."
          value={typed.username}
          error={refusal?.fields.username}
          maxLength={MAX_USERNAME}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          required
          mono
        />
        <TextField
          id="display_name"
          name="display_name"
          label="Name"
          placeholder="Ines Duarte"
          value={typed.display_name}
          error={refusal?.fields.display_name}
          maxLength={200}
          autocomplete="off"
          optional
        />
        <TextField
          id="email"
          name="email"
          label="E-mail"
          type="email"
          placeholder="ines@example.org"
          value={typed.email}
          error={refusal?.fields.email}
          maxLength={320}
          autocomplete="off"
          optional
        />
        <SelectField
          id="role"
          name="role"
          label="Role"
          options={ROLE_OPTIONS}
          value={typed.role}
          error={refusal?.fields.role}
          hint="Every operator also manages hosts that are in no group. An auditor changes nothing."
        />
        {groups.length > 0 && (
          <fieldset class="choices">
            <legend>Groups</legend>
            <p class="field-hint">
              Operators manage the hosts of their groups; admins and auditors see all hosts anyway.
            </p>
            {groups.map(({ id, name }) => (
              <CheckField key={id} label={name} name="group" value={id} checked={typed.group_ids.includes(id)} />
            ))}
          </fieldset>
        )}
        <div class="row">
          <Button kind="primary" type="submit">Make this user</Button>
          <LinkButton kind="quiet" href="/users">Cancel</LinkButton>
        </div>
      </form>
    </>
  );
});
