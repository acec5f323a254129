import { Button, LinkButton } from "../../../components/button.tsx";
import { Filters, FilterSelect } from "../../../components/filters.tsx";
import { PageHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { EmptyState, Notice } from "../../../components/states.tsx";
import { Tabs } from "../../../components/tabs.tsx";
import { lastVerifications } from "../../../core/audit/verifications.ts";
import { rfc3339 } from "../../../core/clock.ts";
import { auditActions, auditLog } from "../../../core/views/audit_log.ts";
import { wire } from "../../../core/wire.ts";
import AuditVerify from "../../../islands/audit_verify.tsx";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { define, type State } from "../../(_role)/state.ts";
import { withQuery } from "../(_components)/host_words.ts";
import { type Refusal, refusalOf } from "../(_components)/refusal.ts";
import { Entries } from "./(_components)/entries.tsx";
import { type Asked, askedEntries, exportHref } from "./(_components)/filter.ts";
import { Proofs, Runs } from "./(_components)/proof.tsx";

export const access = { role: "auditor", scope: "none", audit: null, tells_all: true } as const satisfies RouteAccess;

const NOTHING = { items: [], next: null, total: 0 };

async function read(ctx: Context<State>) {
  const { sql } = ctx.state.services;
  const query = ctx.url.searchParams;
  const [runs, actions] = await Promise.all([lastVerifications(sql, 10), auditActions(sql)]);
  const about = { runs: wire(runs), actions, proof: query.get("tab") === "verification" };
  let refusal: Refusal | null = null;
  try {
    const { asked, filter, any } = askedEntries(query);
    const list = wire(await auditLog(sql, { ...filter, cursor: query.get("cursor"), limit: 100 }));
    return { ...about, list, asked, filter, any, refusal };
  } catch (thrown) {
    refusal = refusalOf(thrown);
    const asked = Object.fromEntries(
      ["from", "to", "actor", "action", "outcome", "host"].map((name) => [name, query.get(name) ?? ""]),
    ) as unknown as Asked;
    return { ...about, list: NOTHING, asked, filter: {}, any: true, refusal };
  }
}

export const handler = define.handlers({
  async GET(ctx) {
    const data = await read(ctx);
    return page(data, data.refusal ? { status: data.refusal.status } : {});
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = "Audit";
  const { list, runs, proof, any, refusal, filter } = data;
  const now = rfc3339(state.services.clock.now());
  return (
    <>
      <PageHead
        title="Audit"
        state="Who did what, when and from where: every login, every order and every change, in a chain that shows when somebody tampers with it."
        actions={!proof && (
          <>
            <LinkButton icon="download" href={exportHref("csv", filter)}>Export CSV</LinkButton>
            <LinkButton icon="download" href={exportHref("json", filter)}>Export JSON</LinkButton>
          </>
        )}
      />
      <Tabs
        label="Audit"
        tabs={[
          { href: "/audit", label: "Entries", current: !proof },
          { href: "/audit?tab=verification", label: "Verification", current: proof },
        ]}
      />
      {proof
        ? (
          <>
            <AuditVerify run={runs[0] ?? null} now={now} />
            <Runs runs={runs} now={now} />
            <Proofs folder={state.services.audit.proof.folder} />
          </>
        )
        : (
          <>
            {refusal && <Notice tone="bad" title={refusal.title}>{refusal.hint}</Notice>}
            <FilterRow data={data} />
            {list.items.length === 0
              ? (
                <EmptyState
                  title={refusal ? "Nothing was searched" : "No entry is like that"}
                  icon="scroll-text"
                  actions={any && <LinkButton href="/audit">Show all entries</LinkButton>}
                >
                  {data.asked.host
                    ? "A host is found by its name, its full name, its address or its id, also after it was removed."
                    : "Times are in UTC; a name is that of the account, as it is written in the list of users."}
                </EmptyState>
              )
              : <Entries entries={list.items} />}
            {list.next && (
              <div class="row">
                <LinkButton href={withQuery(url, { cursor: list.next })} icon="chevron-right">
                  Earlier entries
                </LinkButton>
              </div>
            )}
          </>
        )}
    </>
  );
});

function FilterRow({ data }: { data: Awaited<ReturnType<typeof read>> }) {
  const { asked, actions, list } = data;
  const nouns = [...new Set(actions.map((action) => action.split(".")[0]))];
  return (
    <Filters action="/audit" label="Filter the entries" result={countText(list.total, "entry", "entries")}>
      <TimeField name="from" label="From (UTC)" value={asked.from} />
      <TimeField name="to" label="Before (UTC)" value={asked.to} />
      <input
        class="input"
        name="actor"
        aria-label="Who, by the name of the account"
        value={asked.actor}
        placeholder="Who: alice"
        maxLength={200}
      />
      <input
        class="input"
        name="host"
        aria-label="Host, by name, address or id"
        value={asked.host}
        placeholder="Host: web-01"
        maxLength={200}
      />
      <FilterSelect
        id="action"
        name="action"
        label="Action"
        value={asked.action}
        options={[
          { value: "", label: "Any action" },
          ...nouns.map((noun) => ({ value: noun, label: `${noun}: all` })),
          ...actions.map((action) => ({ value: action, label: action })),
        ]}
      />
      <FilterSelect
        id="outcome"
        name="outcome"
        label="Outcome"
        value={asked.outcome}
        options={[
          { value: "", label: "Any outcome" },
          { value: "success", label: "Success" },
          { value: "failure", label: "Failure" },
          { value: "denied", label: "Denied" },
        ]}
      />
      <Button type="submit" icon="filter">Filter</Button>
    </Filters>
  );
}

/** The field itself takes nothing else than a time; what was typed instead stands in the words above. */
function TimeField({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <label class="filter cell-parts" for={name}>
      <span class="meta">{label}</span>
      <input
        class="input"
        type="datetime-local"
        id={name}
        name={name}
        value={/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value) ? value.slice(0, 16) : undefined}
      />
    </label>
  );
}
