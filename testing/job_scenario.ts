import type { Context } from "../core/audit/types.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";

/** Somebody who may order jobs, or may not. */
export interface TestUser {
  id: string;
  username: string;
  role: "admin" | "operator" | "auditor";
  /** With their own eyes. */
  sees: string;
  /** When they last proved who they are: their proof never grows old. */
  authenticated_at: Temporal.Instant;
  token: null;
}

let count = 0;

/** A user of a role, member of the groups. */
export async function addUser(sql: Sql, role: TestUser["role"], groups: string[] = []): Promise<TestUser> {
  const id = uuidv7();
  const username = `user${++count}`;
  await sql`insert into users (id, username, role, created_at) values (${id}, ${username}, ${role}, app_now())`;
  for (const group_id of groups) await sql`insert into user_groups (user_id, group_id) values (${id}, ${group_id})`;
  return { id, username, role, sees: id, authenticated_at: Temporal.Instant.from("9999-01-01T00:00:00Z"), token: null };
}

export async function addGroup(sql: Sql): Promise<string> {
  const id = uuidv7();
  await sql`insert into groups (id, name, created_at) values (${id}, ${`group ${++count}`}, app_now())`;
  return id;
}

/** A registered host that was never polled. Its address is its own, on the loopback network. */
export async function addHost(
  sql: Sql,
  options: { groups?: string[]; port?: number; address?: string; tls_name?: string } = {},
): Promise<string> {
  const id = uuidv7();
  const n = ++count;
  const address = options.address ?? `127.9.${n >> 8}.${n & 255}`;
  await sql`
    insert into hosts (id, fqdn, address, port, tls_name, source, health_since, created_at)
    values (${id}, ${`host${n}.example`}, ${address}, ${options.port ?? 12_443}, ${
    options.tls_name ?? address
  }, 'manual',
      app_now(), app_now())`;
  for (const group_id of options.groups ?? []) {
    await sql`insert into host_groups (host_id, group_id) values (${id}, ${group_id})`;
  }
  return id;
}

export interface TestOffer {
  name: string;
  arch?: string;
  from?: string;
  to: string;
  security?: boolean;
  state?: "installable" | "held" | "phased" | "kept_back" | "excluded" | "blocked";
}

/** Makes updates pending on a host, as a report would. */
export async function offer(sql: Sql, host_id: string, ...offers: TestOffer[]): Promise<void> {
  for (const { name, arch = "amd64", from = "1.0", to, security = false, state = "installable" } of offers) {
    const [known] = await sql`
      insert into packages (name, arch) values (${name}, ${arch})
      on conflict (name, arch) do update set name = excluded.name returning id`;
    const hash = new TextEncoder().encode([name, arch, to, security].join(" "));
    const [added] = await sql`
      insert into update_offers (hash, package_id, version, security, severity, first_seen_at)
      values (${hash}, ${known.id}, ${to}, ${security}, 'unknown', app_now())
      on conflict (hash) do update set version = excluded.version returning id`;
    await sql`
      insert into host_patches (host_id, package_id, offer_id, current_version, state, first_seen_at)
      values (${host_id}, ${known.id}, ${added.id}, ${from}, ${state}, app_now())
      on conflict (host_id, package_id) do update
      set offer_id = excluded.offer_id, current_version = excluded.current_version, state = excluded.state`;
  }
}

/** What a use case is told about a person who calls it. */
export function callerContext(user: Pick<TestUser, "id">, clock: Clock = systemClock): Context {
  return { actor: { kind: "user", id: user.id, name: "test" }, address: "127.0.0.1", request_id: null, clock };
}
