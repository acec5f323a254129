import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { canonicalAddress, readHostAddress } from "./address.ts";
import { createHost } from "./create_host.ts";
import { orTaken } from "./host_taken.ts";
import { wakeFleet } from "./polls_store.ts";
import { type HostEndpoint, HostRegistration } from "./types.ts";
import { isIP } from "node:net";

/** Finds the addresses of a name. Only the web role may ask a name server, so it is handed in. */
export type Resolve = (name: string) => Promise<string[]>;

/**
 * Registers a host by name or IP address. A name is resolved now; its first address is kept, and the certificate
 * must be for the name. The host is polled at once.
 *
 * @param viewer whose eyes it is registered with: a host that is there already is named only to who sees it
 * @param resolve answers IPv4 and IPv6 addresses, preferred ones first; may throw
 * @throws AppError validation_failed, address_unresolvable, host_exists (naming the existing one)
 */
export async function registerHost(
  sql: Sql,
  viewer: string,
  registration: unknown,
  resolve: Resolve,
  context: Context,
): Promise<{ id: string } & HostEndpoint> {
  const read = HostRegistration.safeParse(registration);
  if (!read.success) {
    throw new AppError("validation_failed", {
      details: read.error.issues.map((issue) => ({ field: issue.path.join("."), problem: issue.message })),
    });
  }
  const wanted = read.data;
  const endpoint = { ...await findEndpoint(wanted.address, resolve), port: wanted.port };
  const register = () =>
    transaction(sql, async (tx) => {
      const first_poll_at = context.clock.now();
      const host = {
        ...wanted,
        ...endpoint,
        source: "manual" as const,
        viewer,
        created_by: context.actor.id ?? null,
        first_poll_at,
      };
      const id = await createHost(tx, host, context.clock);
      await wakeFleet(tx, { kind: "poll", id });
      await appendFor(tx, context, {
        action: "host.create",
        object: { kind: "host", id, name: endpoint.fqdn },
        outcome: "success",
        details: { ...endpoint, groups: wanted.group_ids },
      });
      return id;
    });
  const id = await orTaken(sql, "host.create", context, register);
  return { id, ...endpoint };
}

async function findEndpoint(text: string, resolve: Resolve): Promise<Omit<HostEndpoint, "port">> {
  const read = readHostAddress(text);
  if (read.kind === "problem") {
    const { problem, hint } = read;
    throw new AppError("validation_failed", { message: problem, hint, details: [{ field: "address", problem, hint }] });
  }
  if (read.kind === "address") return { fqdn: read.address, address: read.address, tls_name: read.address };
  const address = await firstAddress(read.name, resolve);
  return { fqdn: read.name, address, tls_name: read.name };
}

/** The first address that a host can have; what a name server says is checked like any other input. */
async function firstAddress(name: string, resolve: Resolve): Promise<string> {
  let answer: string[] = [];
  let cause: unknown;
  try {
    answer = await resolve(name);
  } catch (error) {
    cause = error;
  }
  const usable = answer.filter((address) => isIP(address) !== 0 && readHostAddress(address).kind === "address");
  if (usable.length > 0) return canonicalAddress(usable[0]);
  const problem = answer.length > 0
    ? `${name} resolves to ${answer.slice(0, 3).join(", ")}, which is no address of a host.`
    : `The name ${name} could not be resolved.`;
  throw new AppError("address_unresolvable", { message: problem, details: [{ field: "address", problem }], cause });
}
