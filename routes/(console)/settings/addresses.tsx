import { Button, LinkButton } from "../../../components/button.tsx";
import { Field } from "../../../components/field.tsx";
import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { Code, countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { allowedNetworks, changeAllowedNetworks } from "../../../core/access/change_networks.ts";
import type { AllowedNetwork } from "../../../core/access/types.ts";
import { isRecent } from "../../../core/auth/recent.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { type Wire, wire } from "../../../core/wire.ts";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";
import { SettingsTabs } from "./(_components)/settings_tabs.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, tells_all: true },
  POST: { role: "admin", scope: "none", audit: "allowed_network.change", recent: true },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, typed: string | null = null, refusal: Refusal | null = null) {
  const networks = await allowedNetworks(ctx.state.services.sql);
  return {
    networks: wire(networks),
    typed: typed ?? asText(networks),
    refusal,
    saved: ctx.url.searchParams.has("saved"),
  };
}

/** The list as it is typed: a network a line, then what it is. */
function asText(networks: readonly AllowedNetwork[]): string {
  return networks.map(({ network, note }) => `${network} ${note}`.trim()).join("\n");
}

/** Lines that hold something, each with its number on the page. */
function readLines(text: string) {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const [network, note = ""] = line.trim().split(/\s+(.*)/s);
    return network === "" ? [] : [{ line: index + 1, network, note }];
  });
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx)),
  async POST(ctx) {
    const typed = (await readForm(ctx.req, ["networks"])).get("networks");
    const lines = readLines(typed);
    const networks = lines.map(({ network, note }) => ({ network, note }));
    try {
      await changeAllowedNetworks(ctx.state.services.sql, { networks }, callContext(ctx.state));
      return ctx.redirect("/settings/addresses?saved");
    } catch (thrown) {
      const refusal = refusalOf(thrown);
      const fields = Object.fromEntries(
        Object.entries(refusal.fields).map(([field, words]) => [field, asLine(field, words, lines)]),
      );
      return page(await read(ctx, typed, { ...refusal, fields }), { status: refusal.status });
    }
  },
});

/** `networks.2.network` is a line of what was typed. */
function asLine(field: string, words: string, lines: { line: number }[]): string {
  const found = lines[Number(field.split(".")[1])];
  return found ? `Line ${found.line}: ${words}` : words;
}

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Addresses";
  const { networks, typed, refusal, saved } = data;
  const { access, clock } = state.services;
  const viewer = viewerOf(state);
  const recent = isRecent(viewer, clock);
  const now = rfc3339(clock.now());
  return (
    <>
      <PageHead
        title="Settings"
        state={networks.length === 0
          ? "Pages and API can be used from every address."
          : `Pages and API can be used from ${countText(networks.length, "network")} only.`}
      />
      <SettingsTabs current="/settings/addresses" />
      {saved && !refusal && (
        <Notice tone="ok" title="Saved. It is in force, for open connections too.">
          Whoever comes from elsewhere gets no answer, or is told so when a proxy stands between.
        </Notice>
      )}
      {refusal && <Notice tone="bad" title={refusal.title}>{refusal.hint} Nothing was changed.</Notice>}
      {networks.length > 0 && <Networks networks={networks} now={now} />}
      {viewer.role !== "admin"
        ? networks.length === 0 && (
          <EmptyState title="No list" icon="network">
            Admins can limit pages and API to networks. Until then passwords and second factors are what keeps strangers
            out.
          </EmptyState>
        )
        : (
          <>
            <SectionHead
              title="Who may come in"
              note={
                <>
                  you come from <Code>{state.address ?? "nowhere"}</Code>
                </>
              }
            />
            {recent ? <ListForm typed={typed} refusal={refusal} /> : (
              <p>
                <LinkButton icon="key-round" href={`/confirm?next=${encodeURIComponent(url.pathname)}`}>
                  Confirm that it is you to change the list
                </LinkButton>
              </p>
            )}
          </>
        )}
      <SectionHead title="What else counts" />
      <ul class="stack">
        <li>
          Managed hosts enrol, and fetch certificates and their revocation list, from <Code>agents.networks</Code> too:
          {" "}
          <Code>{access.agent_networks.join(", ") || "none"}</Code>.
        </li>
        <li>
          {access.trusted_proxies.length === 0
            ? "No proxy is trusted: the other end of the connection is who counts, whatever X-Forwarded-For says. "
            : (
              <>
                Whom a request comes from is believed from these proxies:{" "}
                <Code>{access.trusted_proxies.join(", ")}</Code>.
                {" "}
              </>
            )}
          Set it as <Code>server.trusted_proxies</Code> in the configuration.
        </li>
        <li>
          Locked out? At the console of the manager: <Code>patch-manager access allow NETWORK</Code>, or{" "}
          <Code>patch-manager access clear</Code>.
        </li>
      </ul>
    </>
  );
});

function ListForm({ typed, refusal }: { typed: string; refusal: Refusal | null }) {
  return (
    <form class="form" method="post" action="/settings/addresses">
      <Field
        id="networks"
        label="Networks"
        hint="One a line, then what it is: 10.1.0.0/16 office. IPv4 and IPv6; an address alone is allowed too. Empty: everybody."
        error={refusal && (Object.values(refusal.fields)[0] ?? null)}
      >
        {(control) => (
          <textarea
            {...control}
            class="textarea input-mono"
            name="networks"
            rows={Math.min(20, Math.max(5, typed.split("\n").length + 2))}
            maxLength={200_000}
            spellcheck={false}
          >
            {typed}
          </textarea>
        )}
      </Field>
      <div class="row">
        <Button kind="primary" type="submit">Save this list</Button>
      </div>
    </form>
  );
}

function Networks({ networks, now }: { networks: Wire<AllowedNetwork>[]; now: string }) {
  return (
    <Table
      label="Networks that may come in"
      height="short"
      columns={
        <>
          <Column>Network</Column>
          <Column>What it is</Column>
          <Column>Allowed by</Column>
          <Column right>Since</Column>
        </>
      }
    >
      {networks.map(({ network, note, created_by, created_at }) => (
        <Row key={network}>
          <RowName>
            <Code>{network}</Code>
          </RowName>
          <Cell label="What it is">{note || <span class="muted">not said</span>}</Cell>
          <Cell label="Allowed by">{created_by ?? <span class="muted">the console</span>}</Cell>
          <Cell right label="Since">
            <RelativeTime at={created_at} now={now} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
