import { z } from "zod";
import { many, maybe } from "../database/rows.ts";
import type { Db } from "../database/types.ts";

const SettingRow = z.object({
  key: z.string(),
  value: z.unknown(),
  changed_at: z.instanceof(Temporal.Instant),
  changed_by: z.uuid().nullable(),
});
const NamedRow = SettingRow.extend({ changed_by_name: z.string().nullable() });
export type SettingRow = z.infer<typeof SettingRow>;

export function selectSettings(db: Db): Promise<SettingRow[]> {
  return many(SettingRow, db`select key, value, changed_at, changed_by from system_config`);
}

/** The same with the names of who changed what. */
export function selectNamedSettings(db: Db): Promise<z.infer<typeof NamedRow>[]> {
  return many(
    NamedRow,
    db`
      select c.key, c.value, c.changed_at, c.changed_by, u.username as changed_by_name
      from system_config c left join users u on u.id = c.changed_by`,
  );
}

/** The stored value under a lock, so that an audit entry tells the true one before. */
export async function lockSetting(db: Db, key: string): Promise<unknown> {
  await db`select pg_advisory_xact_lock(hashtextextended(${"setting " + key}, 0))`;
  return (await maybe(SettingRow, db`select key, value, changed_at, changed_by from system_config where key = ${key}`))
    ?.value;
}

export async function saveSetting(
  db: Db,
  key: string,
  value: number,
  at: Temporal.Instant,
  by: string | null,
): Promise<void> {
  await db`
    insert into system_config (key, value, changed_at, changed_by) values (${key}, ${db.json(value)}, ${at}, ${by})
    on conflict (key) do update set
      value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by`;
  await db`select pg_notify('wake_fleet', ${JSON.stringify({ kind: "settings", id: key })}::text)`;
}
