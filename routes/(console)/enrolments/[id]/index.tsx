import { Button, LinkButton } from "../../../../components/button.tsx";
import { DefinitionList } from "../../../../components/definition_list.tsx";
import { CheckField } from "../../../../components/field.tsx";
import { PageHead } from "../../../../components/page_head.tsx";
import { Code } from "../../../../components/quantity.tsx";
import { RelativeTime } from "../../../../components/relative_time.tsx";
import { Notice } from "../../../../components/states.tsx";
import { rfc3339 } from "../../../../core/clock.ts";
import { findEnrolment } from "../../../../core/views/enrolments.ts";
import { listGroups } from "../../../../core/views/groups.ts";
import { wire } from "../../../../core/wire.ts";
import { page, type RouteAccess } from "../../../../web/mod.ts";
import { define, viewerOf } from "../../../(_role)/state.ts";
import { agentAddress, systemSaid } from "../../(_components)/enrolment_words.tsx";

export const access = { role: "operator", scope: "hosts", audit: null } as const satisfies RouteAccess;

export const handler = define.handlers({
  async GET(ctx) {
    const { sql } = ctx.state.services;
    const viewer = viewerOf(ctx.state).sees;
    const one = wire(await findEnrolment(sql, viewer, ctx.params.id));
    const groups = (await listGroups(sql, viewer)).map(({ id, name }) => ({ id, name }));
    return page({ one, groups });
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { one, groups } = data;
  state.title = one.fqdn;
  const now = rfc3339(state.services.clock.now());
  const free = groups.filter(({ name }) => !one.groups.includes(name));
  return (
    <>
      <PageHead
        title={one.fqdn}
        crumbs={[{ href: "/enrolments", label: "Enrolment" }]}
        state={
          <>
            Asked to be managed <RelativeTime at={one.created_at} now={now} focusable />.
          </>
        }
      />
      {one.clone_of && (
        <Notice tone="warn" title="A host with this machine id is enrolled already: is this a clone?">
          It is <a href={`/hosts/${one.clone_of.id}`}>{one.clone_of.name}</a>. If {one.fqdn}{" "}
          was copied from it, deny this, give the copy a machine id of its own (remove /etc/machine-id, run
          systemd-machine-id-setup) and enrol it again. If it is the same machine, installed anew, remove the old host
          first. Approved as it is, both are managed as two hosts.
        </Notice>
      )}
      {one.source_address !== one.address && (
        <Notice tone="warn" title="The request came from another address than the agent listens on.">
          It came from <Code>{one.source_address}</Code>, and asks to be reached at{" "}
          <Code>{one.address}</Code>. That is so behind an address translation; anywhere else somebody may pretend to be
          this machine.
        </Notice>
      )}
      <div class="detail">
        <aside class="detail-side">
          <DefinitionList
            facts={[
              { name: "Name", value: one.fqdn },
              { name: "Host name", value: one.hostname },
              { name: "Agent address", value: <Code>{agentAddress(one)}</Code> },
              { name: "Asked from", value: <Code>{one.source_address}</Code> },
              { name: "System", value: systemSaid(one) },
              { name: "Key", value: one.own_key ? "made on the machine, never leaves it" : "made here at collection" },
              { name: "Groups", value: one.groups.join(", ") || "none so far" },
              { name: "Request ends", value: <RelativeTime at={one.expires_at} now={now} focusable /> },
            ]}
          />
        </aside>
        <div class="detail-main">
          <form class="form" method="post" action={`/enrolments/${one.id}/approve`}>
            {free.length > 0 && (
              <fieldset class="choices">
                <legend>{one.groups.length > 0 ? `Groups besides ${one.groups.join(", ")}` : "Groups"}</legend>
                <p class="field-hint">
                  {one.groups.length > 0
                    ? "Its enrolment token puts it into those anyway."
                    : "In no group, every operator sees and manages it."}
                </p>
                {free.map(({ id, name }) => <CheckField key={id} label={name} name="group" value={id} />)}
              </fieldset>
            )}
            <div class="row">
              <Button kind="primary" type="submit">
                {one.clone_of ? `Approve ${one.fqdn} as a second host` : `Approve ${one.fqdn}`}
              </Button>
              <Button type="submit" formaction={`/enrolments/${one.id}/deny`}>Deny</Button>
              <LinkButton kind="quiet" href="/enrolments">Back</LinkButton>
            </div>
          </form>
        </div>
      </div>
    </>
  );
});
