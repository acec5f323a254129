import { z } from "zod";
import { type Db, many, type Tx } from "../database/connection.ts";
import type { AllowedNetwork } from "./types.ts";

const Row = z.object({
  network: z.string(),
  note: z.string(),
  created_at: z.instanceof(Temporal.Instant),
  created_by: z.string().nullable(),
});

/** What the web role listens on: the list has changed. */
export const CHANNEL = "access";

/** The list, IPv4 first, in the order of addresses. */
export function selectNetworks(db: Db): Promise<AllowedNetwork[]> {
  return many(
    Row,
    db`
      select host(n.network) || '/' || masklen(n.network) as network, n.note, n.created_at, u.username as created_by
      from allowed_networks n left join users u on u.id = n.created_by
      order by n.network`,
  );
}

/** Of two who change the list at once the second sees what the first did. */
export async function lockList(tx: Tx): Promise<void> {
  await tx`lock table allowed_networks in share row exclusive mode`;
}

/** Allows networks; one that is there already keeps its date, and takes the new note. */
export async function saveNetworks(
  db: Db,
  networks: readonly { network: string; note: string }[],
  at: Temporal.Instant,
  by: string | null,
): Promise<void> {
  if (networks.length === 0) return;
  await db`
    insert into allowed_networks (network, note, created_at, created_by)
    select n::cidr, note, ${at}, ${by}::uuid
    from unnest(${networks.map((one) => one.network)}::text[], ${
    networks.map((one) => one.note)
  }::text[]) as w (n, note)
    on conflict (network) do update set note = excluded.note`;
}

export async function deleteNetworksBut(db: Db, keep: string[]): Promise<void> {
  await db`delete from allowed_networks where network <> all(${keep}::text[]::cidr[])`;
}

/** Tells the web role; sent when the transaction commits. */
export async function tellOfChange(db: Db): Promise<void> {
  await db`select pg_notify(${CHANNEL}, '{}')`;
}
