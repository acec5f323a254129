import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { Networks } from "./network.ts";
import { deleteNetworksBut, lockList, saveNetworks, selectNetworks, tellOfChange } from "./store.ts";
import { type AllowedNetwork, AllowedNetworksChange } from "./types.ts";

/** Who may come in to pages and API; empty: everybody. */
export function allowedNetworks(sql: Sql): Promise<AllowedNetwork[]> {
  return selectNetworks(sql);
}

/**
 * Replaces the list of networks that may come in. Whoever saves must be inside of it: the address that they come from
 * is the one that counts for the list.
 *
 * @throws AppError validation_failed, with the reason for each line; would_lock_out
 */
export async function changeAllowedNetworks(sql: Sql, change: unknown, context: Context): Promise<AllowedNetwork[]> {
  const read = AllowedNetworksChange.safeParse(change);
  if (!read.success) {
    throw new AppError("validation_failed", {
      details: read.error.issues.map(({ path, message }) => ({ field: path.join("."), problem: message })),
    });
  }
  const { networks } = read.data;
  const twice = networks.findIndex(({ network }, i) => networks.findIndex((one) => one.network === network) < i);
  if (twice >= 0) {
    const problem = `${networks[twice].network} is in the list twice.`;
    throw new AppError("validation_failed", {
      details: [{ field: `networks.${twice}.network`, problem, hint: "Leave one out." }],
    });
  }
  refuseLockOut(networks.map(({ network }) => network), context.address);
  return await transaction(sql, (tx) => replace(tx, networks, context));
}

function refuseLockOut(networks: string[], address: string | null): void {
  if (networks.length === 0 || new Networks(networks).has(address)) return;
  const from = address ?? "an unknown address";
  const problem = `You come from ${from}, which is in none of these networks.`;
  throw new AppError("would_lock_out", {
    message: `This would lock you out: ${problem}`,
    details: [{ field: "networks", problem, hint: "Add your own network, or change the list at the console." }],
  });
}

/**
 * Adds one network, at the console: nobody can be locked out there, so nothing is asked.
 * @throws AppError validation_failed
 */
export async function allowNetwork(sql: Sql, network: string, context: Context): Promise<AllowedNetwork[]> {
  const read = AllowedNetworksChange.safeParse({ networks: [{ network, note: "allowed at the console" }] });
  if (!read.success) {
    const problem = read.error.issues[0].message;
    throw new AppError("validation_failed", { message: problem, details: [{ field: "network", problem }] });
  }
  const [added] = read.data.networks;
  return await transaction(sql, async (tx) => {
    await lockList(tx);
    const before = await selectNetworks(tx);
    return await replace(tx, [...before.filter((one) => one.network !== added.network), added], context);
  });
}

/** Empties the list, at the console: everybody may come in again. */
export function clearNetworks(sql: Sql, context: Context): Promise<AllowedNetwork[]> {
  return transaction(sql, (tx) => replace(tx, [], context));
}

async function replace(
  tx: Tx,
  networks: readonly { network: string; note: string }[],
  context: Context,
): Promise<AllowedNetwork[]> {
  await lockList(tx);
  const before = await selectNetworks(tx);
  const by = context.actor.kind === "user" ? context.actor.id ?? null : null;
  await deleteNetworksBut(tx, networks.map(({ network }) => network));
  await saveNetworks(tx, networks, context.clock.now(), by);
  const after = await selectNetworks(tx);
  await tellOfChange(tx);
  const names = (list: AllowedNetwork[]) => list.map(({ network }) => network);
  await appendFor(tx, context, {
    action: "allowed_network.change",
    object: { kind: "allowed_networks", id: "all" },
    outcome: "success",
    details: {
      before: names(before),
      after: names(after),
      added: names(after).filter((one) => !names(before).includes(one)),
      removed: names(before).filter((one) => !names(after).includes(one)),
    },
  });
  return after;
}
