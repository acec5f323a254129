import { DefinitionList } from "../../../components/definition_list.tsx";
import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { AppError } from "../../../core/errors.ts";
import { auditEntry } from "../../../core/views/audit_log.ts";
import { wire } from "../../../core/wire.ts";
import { page, type RouteAccess } from "../../../web/mod.ts";
import { define } from "../../(_role)/state.ts";
import { actorWords, exactTime, objectHref, objectWords, Outcome } from "./(_components)/entries.tsx";

export const access = { role: "auditor", scope: "none", audit: null, tells_all: true } as const satisfies RouteAccess;

export const handler = define.handlers({
  async GET(ctx) {
    const { seq } = ctx.params;
    const entry = /^[1-9]\d{0,14}$/.test(seq) ? await auditEntry(ctx.state.services.sql, Number(seq)) : null;
    if (entry === null) {
      throw new AppError("not_found", {
        message: "There is no such entry.",
        hint: "It may have been removed by age, or was never written.",
      });
    }
    return page({ entry: wire(entry) });
  },
});

/** One entry with everything that it says. */
export default define.page<typeof handler>(({ data: { entry }, state }) => {
  state.title = `Audit entry ${entry.seq}`;
  const object = objectWords(entry);
  const href = objectHref(entry);
  return (
    <>
      <PageHead
        crumbs={[{ href: "/audit", label: "Audit" }]}
        title={`${entry.action}, row ${entry.seq.toLocaleString("en")}`}
        marks={<Outcome outcome={entry.outcome} />}
        state={`${actorWords(entry)}, ${exactTime(entry.at)} UTC`}
      />
      <DefinitionList
        facts={[
          { name: "Time", value: <time class="mono" dateTime={entry.at}>{entry.at}</time> },
          { name: "Who", value: actorWords(entry) },
          { name: "Kind of actor", value: entry.actor_kind },
          { name: "Actor id", value: <span class="mono wrap">{entry.actor_id ?? "none"}</span> },
          { name: "Address", value: entry.address ?? "none" },
          { name: "Object", value: href ? <a href={href}>{object}</a> : object ?? "none" },
          { name: "Object id", value: <span class="mono wrap">{entry.object_id ?? "none"}</span> },
          { name: "Request id", value: <span class="mono wrap">{entry.request_id ?? "none"}</span> },
          { name: "Hash in the chain", value: <span class="mono wrap">{entry.hash}</span> },
        ]}
      />
      <SectionHead title="Details" note="Secrets are never written." />
      <pre
        class="log log-text-only wrap"
        tabIndex={0}
        aria-label="Details"
      ><code>{JSON.stringify(entry.details, null, 2)}</code></pre>
    </>
  );
});
