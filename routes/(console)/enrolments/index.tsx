import { Badge } from "../../../components/badge.tsx";
import { Button, LinkButton } from "../../../components/button.tsx";
import { DialogButton } from "../../../components/dialog.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { Code, countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { displayFingerprint } from "../../../core/ca/fingerprint.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { createEnrolmentTokens } from "../../../core/enrolment/create_enrolment_tokens.ts";
import { enrolmentCommand } from "../../../core/enrolment/rules.ts";
import { AppError } from "../../../core/errors.ts";
import { lastEvent } from "../../../core/live/read_events.ts";
import { enrolmentPage, enrolmentTokens, type PendingEnrolment } from "../../../core/views/enrolments.ts";
import { listGroups } from "../../../core/views/groups.ts";
import { type Wire, wire } from "../../../core/wire.ts";
import CopyText from "../../../islands/copy_text.tsx";
import LiveRefresh from "../../../islands/live_refresh.tsx";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { managerUrl } from "../../(_role)/manager_url.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";
import { agentAddress, asRoot, systemSaid } from "../(_components)/enrolment_words.tsx";
import { CommandDialog, OpenTokens } from "../(_components)/enrolment_tokens.tsx";
import { withQuery } from "../(_components)/host_words.ts";

export const access = {
  GET: { role: "operator", scope: "hosts", audit: null },
  POST: { role: "operator", scope: "hosts", audit: "enrolment_token.create", recent: true },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, command: string | null) {
  const { services } = ctx.state;
  const viewer = viewerOf(ctx.state);
  const cursor = ctx.url.searchParams.get("cursor");
  const after_seq = await lastEvent(services.sql);
  const waiting = wire(await enrolmentPage(services.sql, viewer.sees, { cursor }));
  const tokens = wire((await enrolmentTokens(services.sql, viewer.sees)).filter(({ state }) => state === "open"));
  const teach = commandWithoutToken(ctx);
  const groups = (await listGroups(services.sql, viewer.sees)).map(({ id, name }) => ({ id, name }));
  return { waiting, tokens, after_seq, command, teach, cursor, groups };
}

/** What a machine runs to ask; nothing where our address cannot stand in a command. */
function commandWithoutToken({ state, url }: Context<State>): string | undefined {
  try {
    return asRoot(enrolmentCommand(managerUrl(state, url), state.services.ca_fingerprint, null));
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.status < 500) return undefined;
    throw thrown;
  }
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx, null)),
  async POST(ctx) {
    const { services } = ctx.state;
    const form = await readForm(ctx.req, ["label"], ["group"]);
    const order = { label: form.get("label"), group_ids: form.all("group") };
    const manager = managerUrl(ctx.state, ctx.url);
    const [{ token }] = await createEnrolmentTokens(
      services.sql,
      viewerOf(ctx.state).sees,
      order,
      callContext(ctx.state),
    );
    return page(await read(ctx, asRoot(enrolmentCommand(manager, services.ca_fingerprint, token))));
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Enrolment";
  const { waiting, tokens, after_seq, command, teach, cursor, groups } = data;
  const now = rfc3339(state.services.clock.now());
  return (
    <>
      <PageHead
        title="Enrolment"
        // Read anew, the page would no longer hold the token that is shown only once.
        marks={!command && <LiveRefresh topics={["enrolments"]} after_seq={after_seq} now={now} />}
        state={waiting.total === 0
          ? "No machine waits for approval."
          : `${countText(waiting.total, "machine waits", "machines wait")} for approval.`}
        actions={
          <>
            <DialogButton opens="make-command" icon="tag">Command for a group …</DialogButton>
            <form method="post" action="/enrolments">
              <Button kind="primary" type="submit" icon="key-round">Make an enrolment command</Button>
            </form>
          </>
        }
      />
      {command && (
        <Notice tone="info" title="Run this as root on the host, once, within 24 hours.">
          <pre
            class="command"
            tabIndex={0}
            aria-label="Enrolment command"
          ><code>{command}</code></pre>
          <p class="copy-line">
            <CopyText text={command} what="the command" />
          </p>
          The token works for one machine and is shown only now. The fingerprint makes sure that the host talks to this
          manager and nobody else. <a href="/enrolments">To the requests</a>
        </Notice>
      )}
      {waiting.items.length > 0 ? <Queue waiting={waiting.items} now={now} /> : !command && (
        <EmptyState
          title="No requests"
          icon="inbox"
          command={teach}
          actions={teach && <CopyText text={teach} what="the command" />}
        >
          Run this as root on a machine with patch-agent, and it waits here until somebody approves it. With an
          enrolment command from above it need not wait.
        </EmptyState>
      )}
      {(waiting.next || cursor) && (
        <nav class="row" aria-label="Pages of requests">
          {cursor && <LinkButton href={withQuery(url, { cursor: null })} icon="chevron-left">First page</LinkButton>}
          {waiting.next && (
            <LinkButton href={withQuery(url, { cursor: waiting.next })} icon="chevron-right">Next requests</LinkButton>
          )}
        </nav>
      )}
      {tokens.length > 0 && <OpenTokens tokens={tokens} now={now} />}
      <CommandDialog groups={groups} />
      <p class="meta wrap">
        Fingerprint of this manager's CA (SHA-256): <Code>{displayFingerprint(state.services.ca_fingerprint)}</Code>
      </p>
    </>
  );
});

/** Those that asked first on top. A clone is decided on its own page, where it says what that means. */
function Queue({ waiting, now }: { waiting: Wire<PendingEnrolment>[]; now: string }) {
  return (
    <Table
      label="Machines that wait for approval"
      columns={
        <>
          <Column>Name</Column>
          <Column>Agent address</Column>
          <Column>Asked from</Column>
          <Column roomy>System</Column>
          <Column right roomy>Waits for</Column>
          <Column>Decision</Column>
        </>
      }
    >
      {waiting.map((one) => (
        <Row key={one.id}>
          <RowName
            href={`/enrolments/${one.id}`}
            title={one.fqdn}
            note={one.clone_of
              ? (
                <span class="row-note-full">
                  Clone? Same machine id as <a href={`/hosts/${one.clone_of.id}`}>{one.clone_of.name}</a>
                </span>
              )
              : one.groups.length > 0 && `joins ${one.groups.join(", ")}`}
          >
            {one.fqdn}
          </RowName>
          <Cell label="Agent address">
            <Code>{agentAddress(one)}</Code>
          </Cell>
          <Cell label="Asked from">
            <span class="cell-parts">
              <Code>{one.source_address}</Code>
              {one.source_address !== one.address && (
                <Badge tone="warn" title="The request came from another address than the agent listens on.">
                  differs
                </Badge>
              )}
            </span>
          </Cell>
          <Cell label="System" roomy>{systemSaid(one) ?? <span class="muted">unknown</span>}</Cell>
          <Cell right roomy label="Waits for">
            <RelativeTime at={one.created_at} now={now} form="age" />
          </Cell>
          <Cell>
            <div class="cell-parts">
              {one.clone_of
                ? (
                  <LinkButton size="small" href={`/enrolments/${one.id}`}>
                    Look at it …<span class="visually-hidden">{one.fqdn}</span>
                  </LinkButton>
                )
                : (
                  <form method="post" action={`/enrolments/${one.id}/approve`}>
                    <Button size="small" kind="primary" type="submit" aria-label={`Approve ${one.fqdn}`}>
                      Approve
                    </Button>
                  </form>
                )}
              <form method="post" action={`/enrolments/${one.id}/deny`}>
                <Button size="small" type="submit" aria-label={`Deny ${one.fqdn}`}>Deny</Button>
              </form>
            </div>
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
