import { Badge } from "../../../components/badge.tsx";
import { Button } from "../../../components/button.tsx";
import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { Code } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { displayFingerprint } from "../../../core/ca/fingerprint.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { createEnrolmentTokens } from "../../../core/enrolment/create_enrolment_tokens.ts";
import { enrolmentCommand } from "../../../core/enrolment/rules.ts";
import { lastEvent } from "../../../core/live/read_events.ts";
import { enrolmentTokens, pendingEnrolments } from "../../../core/views/enrolments.ts";
import { wire } from "../../../core/wire.ts";
import LiveRefresh from "../../../islands/live_refresh.tsx";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { managerUrl } from "../../(_role)/manager_url.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";

export const access = {
  GET: { role: "operator", scope: "hosts", audit: null },
  POST: { role: "operator", scope: "hosts", audit: "enrolment_token.create" },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, command: string | null) {
  const { sql } = ctx.state.services;
  const viewer = viewerOf(ctx.state);
  const after_seq = await lastEvent(sql);
  const waiting = wire(await pendingEnrolments(sql, viewer.id));
  const tokens = wire((await enrolmentTokens(sql, viewer.id)).filter(({ state }) => state === "open").slice(0, 50));
  return { waiting, tokens, after_seq, command };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx, null)),
  async POST(ctx) {
    const { services } = ctx.state;
    await readForm(ctx.req);
    const manager = managerUrl(ctx.state, ctx.url);
    const [{ token }] = await createEnrolmentTokens(services.sql, viewerOf(ctx.state).id, {}, callContext(ctx.state));
    return page(await read(ctx, enrolmentCommand(manager, services.ca_fingerprint, token)));
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Enrolment";
  const { waiting, tokens, after_seq, command } = data;
  const now = rfc3339(state.services.clock.now());
  return (
    <>
      <PageHead
        title="Enrolment"
        marks={<LiveRefresh topics={["enrolments"]} after_seq={after_seq} now={now} />}
        state={waiting.length === 0
          ? "No machine waits for approval."
          : `${waiting.length} ${waiting.length === 1 ? "machine waits" : "machines wait"} for approval.`}
        actions={
          <form method="post" action="/enrolments">
            <Button kind="primary" type="submit" icon="key-round">Make an enrolment command</Button>
          </form>
        }
      />
      {command && (
        <Notice tone="info" title="Run this on the host, once, within 24 hours.">
          <pre
            class="command"
            tabIndex={0}
            aria-label="Enrolment command"
          ><code>{command}</code></pre>
          The token works for one machine and is shown only now. The fingerprint makes sure that the host talks to this
          manager and nobody else.
        </Notice>
      )}
      {waiting.length === 0
        ? (
          <EmptyState title="No requests" icon="inbox">
            A machine that enrols without a token waits here until somebody approves it. Compare its address with the
            one that you expect.
          </EmptyState>
        )
        : (
          <Table
            label="Machines that wait for approval"
            columns={
              <>
                <Column>Name</Column>
                <Column>Agent address</Column>
                <Column>Asked from</Column>
                <Column>System</Column>
                <Column right>Waits for</Column>
                <Column>Decision</Column>
              </>
            }
          >
            {waiting.map((one) => (
              <Row key={one.id}>
                <RowName title={one.fqdn}>{one.fqdn}</RowName>
                <Cell label="Agent address">
                  <Code>{one.address.includes(":") ? `[${one.address}]` : one.address}:{one.port}</Code>
                </Cell>
                <Cell label="Asked from">
                  <span class="cell-parts">
                    <Code>{one.source_address}</Code>
                    {one.source_address !== one.address && <Badge tone="warn">differs</Badge>}
                    {one.clone_of && (
                      <Badge tone="warn" title={`Same machine id as ${one.clone_of.name}`}>clone?</Badge>
                    )}
                  </span>
                </Cell>
                <Cell>
                  {typeof one.os_details.name === "string" ? one.os_details.name : <span class="muted">unknown</span>}
                </Cell>
                <Cell right label="Waits for">
                  <RelativeTime at={one.created_at} now={now} form="age" />
                </Cell>
                <Cell>
                  <div class="cell-parts">
                    <form method="post" action={`/enrolments/${one.id}/approve`}>
                      <Button size="small" kind="primary" type="submit" aria-label={`Approve ${one.fqdn}`}>
                        Approve
                      </Button>
                    </form>
                    <form method="post" action={`/enrolments/${one.id}/deny`}>
                      <Button size="small" type="submit" aria-label={`Deny ${one.fqdn}`}>Deny</Button>
                    </form>
                  </div>
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      {tokens.length > 0 && (
        <>
          <SectionHead title="Open tokens" note="each for one machine; the token itself is not kept" />
          <Table
            label="Open enrolment tokens"
            columns={
              <>
                <Column>Label</Column>
                <Column>Made by</Column>
                <Column right>Made</Column>
                <Column right>Expires</Column>
              </>
            }
          >
            {tokens.map((one) => (
              <Row key={one.id}>
                <RowName>{one.label || "without label"}</RowName>
                <Cell label="Made by">{one.created_by}</Cell>
                <Cell right label="Made">
                  <RelativeTime at={one.created_at} now={now} />
                </Cell>
                <Cell right label="Expires">
                  <RelativeTime at={one.expires_at} now={now} />
                </Cell>
              </Row>
            ))}
          </Table>
        </>
      )}
      <p class="meta wrap">
        Fingerprint of this manager's CA (SHA-256): <Code>{displayFingerprint(state.services.ca_fingerprint)}</Code>
      </p>
    </>
  );
});
