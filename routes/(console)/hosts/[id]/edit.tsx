import { Button, LinkButton } from "../../../../components/button.tsx";
import { Field, TextField } from "../../../../components/field.tsx";
import { PageHead, SectionHead } from "../../../../components/page_head.tsx";
import { Notice } from "../../../../components/states.tsx";
import { changeHost } from "../../../../core/hosts/change_host.ts";
import { hostDetail } from "../../../../core/views/host_detail.ts";
import { type Context, page, type RouteAccess } from "../../../../web/mod.ts";
import { readForm } from "../../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../../(_components)/refusal.ts";

export const access = {
  GET: { role: "operator", scope: "hosts", audit: null },
  POST: { role: "operator", scope: "hosts", audit: "host.change" },
} as const satisfies Record<string, RouteAccess>;

interface Typed {
  display_name: string;
  tags: string;
  notes: string;
}

async function read(ctx: Context<State>, typed: Typed | null, refusal: Refusal | null) {
  const host = await hostDetail(ctx.state.services.sql, viewerOf(ctx.state).sees, ctx.params.id);
  const { id, name, fqdn, display_name, notes, groups } = host;
  const stored = { display_name, notes, tags: host.tags.join(", ") };
  return { id, name, fqdn, groups, typed: typed ?? stored, refusal };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx, null, null)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["display_name", "tags", "notes"]);
    const typed = { display_name: form.get("display_name"), tags: form.get("tags"), notes: form.get("notes") };
    const change = {
      display_name: typed.display_name,
      // Browsers send line breaks of a text field as CR LF.
      notes: typed.notes.replaceAll("\r\n", "\n"),
      tags: typed.tags.split(",").map((tag) => tag.trim()).filter((tag) => tag !== ""),
    };
    try {
      const viewer = viewerOf(ctx.state).sees;
      const { id } = await changeHost(ctx.state.services.sql, viewer, ctx.params.id, change, callContext(ctx.state));
      return ctx.redirect(`/hosts/${id}`);
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      return page(await read(ctx, typed, refusal), { status: refusal.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { id, name, fqdn, groups, typed, refusal } = data;
  state.title = `Edit ${name}`;
  const tags = Object.entries(refusal?.fields ?? {}).find(([field]) => field.startsWith("tags"));
  return (
    <>
      <PageHead
        title={`Edit ${name}`}
        crumbs={[{ href: "/hosts", label: "Hosts" }, { href: `/hosts/${id}`, label: name }]}
        state="What people say of this host. What it says of itself comes from its agent."
      />
      {refusal && <Notice tone="bad" title={refusal.title}>Nothing was changed.</Notice>}
      <form class="form" method="post" action={`/hosts/${id}/edit`}>
        <TextField
          id="display_name"
          name="display_name"
          label="Name to show"
          value={typed.display_name}
          placeholder={fqdn}
          hint={`Without one it is shown as ${fqdn}.`}
          error={refusal?.fields.display_name}
          maxLength={200}
          optional
        />
        <TextField
          id="tags"
          name="tags"
          label="Tags"
          value={typed.tags}
          placeholder="production, frontend"
          hint="Commas between them, at most 32. The list of hosts finds them."
          error={tags && `Tag ${Number(tags[0].split(".")[1] ?? 0) + 1} ${tags[1]}.`}
          maxLength={2_000}
          optional
        />
        <Field
          id="notes"
          label="Notes"
          hint="Whom to ask, and what to know before a restart. No passwords: everybody who sees the host reads this."
          error={refusal?.fields.notes}
          optional
        >
          {(control) => (
            <textarea {...control} class="textarea" name="notes" rows={6} maxLength={10_000}>{typed.notes}</textarea>
          )}
        </Field>
        <div class="row">
          <Button kind="primary" type="submit">Save</Button>
          <LinkButton kind="quiet" href={`/hosts/${id}`}>Cancel</LinkButton>
        </div>
      </form>
      <SectionHead title="Groups" note="who sees and manages it" />
      <p>
        {groups.length === 0
          ? "In no group: every operator sees and manages this host. "
          : groups.map((group, index) => (
            <>
              {index > 0 && ", "}
              <a href={`/groups/${group.id}`}>{group.name}</a>
            </>
          ))}
        {groups.length === 0 && <a href="/groups">All groups</a>}
      </p>
    </>
  );
});
