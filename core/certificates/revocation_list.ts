import { z } from "zod";
import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { many, maybe } from "../database/rows.ts";
import type { CurrentCrl } from "./current_crl.ts";
import { wakeFleet } from "./renewal_store.ts";
import { revocationState } from "./store.ts";

/**
 * Puts the present list of revoked certificates where the fleet role finds it, and wakes that when something was
 * revoked. For the web role, which alone can sign.
 * @returns true when something was revoked since the last time.
 */
export async function publishRevocationList(sql: Sql, crl: CurrentCrl, clock: Clock): Promise<boolean> {
  const state = await revocationState(sql);
  const { pem } = await crl.current();
  const now = clock.now();
  return await transaction(sql, async (tx) => {
    const rows = await tx`
      insert into revocation_list (crl_pem, state, changed_at) values (${pem}, ${state}, ${now})
      on conflict (only_row) do update set crl_pem = excluded.crl_pem, state = excluded.state,
        changed_at = case when revocation_list.state = excluded.state
          then revocation_list.changed_at else excluded.changed_at end
      where revocation_list.crl_pem <> excluded.crl_pem
      returning changed_at = ${now} as changed`;
    const changed = rows.length === 1 && rows[0].changed;
    if (changed) await wakeFleet(tx, { kind: "crl", id: state });
    return changed;
  });
}

const Published = z.object({
  crl_pem: z.string(),
  /** Changes whenever something is revoked; to be compared only. */
  state: z.string(),
  /** Seconds since something was revoked. */
  age_seconds: z.number(),
});
export type PublishedList = z.infer<typeof Published>;

/** The list that the web role published last; null before the first. */
export function publishedList(sql: Sql): Promise<PublishedList | null> {
  return maybe(
    Published,
    sql`select crl_pem, state, extract(epoch from app_now() - changed_at)::float8 as age_seconds from revocation_list`,
  );
}

const Reachable = z.object({ host_id: z.string(), address: z.string(), port: z.number(), tls_name: z.string() });
export type ReachableHost = z.infer<typeof Reachable>;

/** Hosts that answered the last time, by id. */
export function reachableHosts(sql: Sql): Promise<ReachableHost[]> {
  return many(
    Reachable,
    sql`
      select id as host_id, host(address) as address, port, tls_name from hosts
      where removed_at is null and health in ('healthy', 'degraded') and not_answering_since is null
      order by id`,
  );
}
