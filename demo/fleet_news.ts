import { z } from "zod";
import { connect, many } from "../core/database/connection.ts";
import type { EmbeddedServer } from "../core/database/embedded.ts";
import { reason } from "../core/errors.ts";

/** Looks for news so often. */
const EVERY_MS = 1_000;
/** More hosts than that with the same news are one line. */
const LISTED = 3;

const Event = z.object({
  seq: z.number(),
  time: z.string(),
  kind: z.string(),
  host: z.string().nullable(),
  data: z.object({
    health: z.string().optional(),
    reason: z.string().nullish(),
    changed: z.boolean().optional(),
    state: z.string().optional(),
    message: z.string().optional(),
    name: z.string().optional(),
    pending: z.number().nullish(),
    security: z.number().nullish(),
  }),
});
export type Event = z.infer<typeof Event>;

const Deed = z.object({
  seq: z.number(),
  time: z.string(),
  action: z.string(),
  actor: z.string().nullable(),
  outcome: z.string(),
  details: z.object({
    kind: z.string().optional(),
    hosts: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
    patch_count: z.number().optional(),
    state: z.string().optional(),
    /** How far a sign-in has come. */
    stage: z.string().optional(),
  }),
});
export type Deed = z.infer<typeof Deed>;

/**
 * Says in words what happens to the fleet: who signs in and orders what, how hosts are and what jobs do there. It
 * reads what pages and audit read.
 * @returns stops it
 */
export async function followFleet(
  database: EmbeddedServer,
  print: (line: string) => void,
): Promise<() => Promise<void>> {
  const sql = await connect({ url: database.url("patch_owner"), max: 1, application_name: "patch-manager demo" });
  const [last] = await sql`
    select coalesce((select max(seq) from live_events), 0) as event, coalesce((select max(seq) from audit_log), 0) as deed`;
  let stopped = false;
  const look = async () => {
    const deeds = await many(
      Deed,
      sql`
        select seq, to_char(at, 'HH24:MI:SS') as time, action, actor_name as actor, outcome,
          coalesce(convert_from(payload, 'UTF8')::json -> 'details', '{}') as details
        from audit_log where seq > ${last.deed} order by seq limit 500`,
    );
    const events = await many(
      Event,
      sql`
        select e.seq, to_char(e.at, 'HH24:MI:SS') as time, e.kind, h.fqdn as host,
          e.data::jsonb || jsonb_build_object('pending', c.pending, 'security', c.security) as data
        from live_events e left join hosts h on h.id = e.host_id left join host_counters c on c.host_id = e.host_id
        where e.seq > ${last.event} and (e.topic in ('hosts', 'enrolments') or e.kind = 'host_state')
        order by e.seq limit 2000`,
    );
    last.deed = deeds.at(-1)?.seq ?? last.deed;
    last.event = events.at(-1)?.seq ?? last.event;
    const lines = [...deeds.flatMap(deedLine), ...eventLines(events)].sort((one, other) =>
      one.time < other.time ? -1 : 1
    );
    for (const { time, words } of lines) print(`${time}  ${words}`);
  };
  const turn = async () => {
    while (!stopped) {
      await look().catch((thrown) => stopped || print(`The database does not answer: ${reason(thrown)}`));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const turning = turn();
  return async () => {
    stopped = true;
    await sql.end({ timeout: 1 });
    await turning;
  };
}

interface Line {
  time: string;
  words: string;
}

/** What a person did; what the product does by itself is told by the events. */
export function deedLine({ time, action, actor, outcome, details }: Deed): Line[] {
  const who = actor ?? "somebody";
  const failed = outcome !== "success";
  const count = details.patch_count ?? 0;
  const hosts = Array.isArray(details.hosts) ? details.hosts.length : 0;
  const words: Record<string, string> = {
    "auth.login": failed ? `${who} could not sign in` : details.stage === "full" ? `${who} signed in` : "",
    "auth.factor": failed ? `${who} could not give the second factor` : `${who} signed in`,
    "auth.use_recovery_code": failed ? `${who} typed a wrong recovery code` : `${who} signed in with a recovery code`,
    "auth.logout": `${who} signed out`,
    "auth.change_password": failed ? `${who} could not change the password` : `${who} chose a password`,
    "job.create": `${who} ordered ${details.kind === "dry_run" ? "a dry run of" : ""} ${plural(count, "update")} ` +
      `on ${plural(hosts, "host")}`,
    "job.end": `the job ended: ${details.state}`,
    "job.cancel": `${who} cancelled a job`,
    "host.create": `${who} registered a host`,
    "host.remove": `${who} removed a host`,
    "enrolment_token.create": `${who} made enrolment tokens`,
  };
  return words[action] ? [{ time, words: words[action].replace(/ +/g, " ") }] : [];
}

/** Hosts with the same news are told together. */
export function eventLines(events: Event[]): Line[] {
  const together = new Map<string, { time: string; hosts: Set<string>; pending: number; security: number }>();
  for (const { time, kind, host, data } of events) {
    const words = eventWords(kind, data);
    if (words === null) continue;
    const entry = together.get(words) ?? { time, hosts: new Set<string>(), pending: 0, security: 0 };
    const name = host ?? data.name ?? "a host";
    if (!entry.hosts.has(name)) {
      entry.pending += data.pending ?? 0;
      entry.security += data.security ?? 0;
    }
    entry.hosts.add(name);
    together.set(words, entry);
  }
  return [...together].flatMap(([words, { time, hosts, pending, security }]) => {
    const numbers = words === REPORTED
      ? `: ${plural(pending, "update")} pending, ${security} of them for security`
      : "";
    if (words === REPORTED || hosts.size > LISTED) {
      const who = hosts.size > LISTED ? `${hosts.size} hosts` : [...hosts].join(", ");
      return [{ time, words: `${who}: ${words}${numbers}` }];
    }
    return [...hosts].map((host) => ({ time, words: `${host}: ${words}` }));
  });
}

const REPORTED = "reported";

function eventWords(kind: string, data: Event["data"]): string | null {
  switch (kind) {
    case "health":
      return data.reason ? `${data.health}. ${data.reason}` : data.health ?? null;
    case "report":
      return data.changed ? REPORTED : null;
    case "refused":
      return `its report was refused. ${data.reason ?? ""}`.trim();
    case "requested":
      return "asks to be enrolled";
    case "created":
      return "enrolled";
    case "removed":
      return "removed";
    case "host_state":
      return `${data.state}. ${data.message ?? ""}`.trim();
    default:
      return null;
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
