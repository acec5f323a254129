import type { Sql } from "../../core/database/connection.ts";

/**
 * What a request that is refused may touch: when a session was used last, what was counted against somebody who guesses,
 * what the log tells (which is looked at by itself), and what the fleet role and clocks move by themselves.
 */
const MOVES_BY_ITSELF = new Set([
  "audit_head",
  "audit_log",
  "audit_checkpoints",
  "audit_markers",
  "audit_verifications",
  "login_throttle",
  "revocation_list",
  "schema_migration",
  "worker_heartbeat",
  // A ticket is used up whether its owner comes in or not.
  "ws_tickets",
]);
/** Of these only the named columns count. */
const COLUMNS: Record<string, string> = {
  sessions: "id, user_id, kind, stage, expires_at, revoked_at",
  api_tokens: "id, user_id, name, scopes, group_ids, networks, expires_at, revoked_at",
  users: "id, username, display_name, role, disabled_at",
};

/** Everything that the product remembers, as one hash by table: two that are equal mean that nothing was changed. */
export async function contentsOf(sql: Sql): Promise<Record<string, string>> {
  const tables = await sql`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name`;
  const parts = tables.map(({ name }) => name as string).filter((name) => !MOVES_BY_ITSELF.has(name)).map((name) => {
    const row = COLUMNS[name] ? `row(${COLUMNS[name]})` : "t";
    return `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(md5(${row}::text), '' order by md5(${row}::text))), '') as hash from ${name} t`;
  });
  const rows = await sql.unsafe(parts.join(" union all "));
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash]));
}
