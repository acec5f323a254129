import type { AuditFilter } from "../../../../core/views/audit_log.ts";
import { AppError } from "../../../../core/errors.ts";

/** What the filter row asks for, as it stands in the address, so that it comes back as it was typed. */
export interface Asked {
  from: string;
  to: string;
  actor: string;
  action: string;
  outcome: string;
  host: string;
}

/** The filter of an address. Times are those of a field without zone, and mean UTC. */
export function askedEntries(query: URLSearchParams): { asked: Asked; filter: AuditFilter; any: boolean } {
  const of = (name: string) => (query.get(name) ?? "").trim();
  const asked: Asked = {
    ...{ from: of("from"), to: of("to"), actor: of("actor"), action: of("action") },
    ...{ outcome: of("outcome"), host: of("host") },
  };
  const filter: AuditFilter = {
    from: instantOf("from", asked.from),
    to: instantOf("to", asked.to),
    actor: asked.actor || undefined,
    action: asked.action || undefined,
    outcome: (asked.outcome || undefined) as AuditFilter["outcome"],
    host: asked.host || undefined,
  };
  return { asked, filter, any: Object.values(asked).some((value) => value !== "") };
}

function instantOf(field: string, text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return Temporal.PlainDateTime.from(text).toZonedDateTime("UTC").toInstant().toString();
  } catch {
    const problem = `“${text.slice(0, 40)}” is no time.`;
    throw new AppError("validation_failed", {
      message: problem,
      hint: "Write it as 2026-11-20T10:00, in UTC.",
      details: [{ field, problem }],
    });
  }
}

/** The address of an export with the same filter. */
export function exportHref(ending: "csv" | "json", filter: AuditFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  return `/api/v1/audit/export.${ending}${query.size > 0 ? `?${query}` : ""}`;
}
