import { Button, LinkButton } from "../../../components/button.tsx";
import { TextField } from "../../../components/field.tsx";
import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { Notice } from "../../../components/states.tsx";
import { AppError } from "../../../core/errors.ts";
import { registerHost } from "../../../core/hosts/register_host.ts";
import { DEFAULT_AGENT_PORT } from "../../../core/hosts/types.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "operator", scope: "none", audit: null },
  POST: { role: "operator", scope: "none", audit: "host.create" },
} as const satisfies Record<string, RouteAccess>;

interface Data {
  typed: { address: string; port: string; display_name: string };
  problem: { title: string; hint: string } | null;
  fields: Record<string, string>;
}

export const handler = define.handlers({
  GET: () => page<Data>({ typed: { address: "", port: "", display_name: "" }, problem: null, fields: {} }),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["address", "port", "display_name"]);
    const typed = { address: form.get("address"), port: form.get("port"), display_name: form.get("display_name") };
    try {
      const registration = {
        address: typed.address.trim(),
        port: typed.port.trim() === "" ? DEFAULT_AGENT_PORT : Number(typed.port),
        display_name: typed.display_name,
      };
      const { services } = ctx.state;
      const viewer = viewerOf(ctx.state).sees;
      const { id } = await registerHost(services.sql, viewer, registration, services.resolve, callContext(ctx.state));
      return ctx.redirect(`/hosts/${id}`);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
      const fields: Record<string, string> = {};
      for (const { field, problem, hint } of thrown.details) fields[field] ??= hint ? `${problem} ${hint}` : problem;
      return page<Data>({ typed, problem: { title: thrown.message, hint: thrown.hint }, fields }, {
        status: thrown.status,
      });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Add a host";
  const { typed, problem, fields } = data;
  return (
    <>
      <PageHead
        title="Add a host"
        crumbs={[{ href: "/hosts", label: "Hosts" }]}
        state="With our agent one command on the host does it. Any other agent of the Linux Patch API is added by its address."
      />
      <div class="ways">
        <section class="panel way">
          <SectionHead title="With patch-agent" note="its key never leaves the host" />
          <p>
            Install patch-agent on the host, then run one command there as root. It holds a token for one machine, and
            this manager's fingerprint, so that the host talks to nobody else. A minute later the host is in the list.
          </p>
          <form method="post" action="/enrolments">
            <Button kind="primary" type="submit" icon="key-round">Make an enrolment command</Button>
          </form>
        </section>
        <section class="panel way">
          <SectionHead title="By its address" note="for a host that has a certificate of this CA already" />
          <form class="form" method="post" action="/hosts/new">
            {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
            <TextField
              id="address"
              name="address"
              label="Name or IP address"
              placeholder="web-01.example.org"
              hint="A name is resolved now; the host's certificate must be for it."
              value={typed.address}
              error={fields.address}
              maxLength={255}
              required
              mono
            />
            <TextField
              id="port"
              name="port"
              label="Port"
              inputMode="numeric"
              placeholder={String(DEFAULT_AGENT_PORT)}
              value={typed.port}
              error={fields.port}
              optional
              mono
            />
            <TextField
              id="display_name"
              name="display_name"
              label="Name to show"
              value={typed.display_name}
              error={fields.display_name}
              maxLength={200}
              optional
            />
            <div class="row">
              <Button type="submit">Add this host</Button>
              <LinkButton kind="quiet" href="/hosts">Cancel</LinkButton>
            </div>
          </form>
        </section>
      </div>
    </>
  );
});
