import type { Sql } from "../core/database/connection.ts";

/** How often the list is read when nobody says that it changed, in milliseconds. */
export const REVOKED_INTERVAL_MS = 60_000;

/** Certificates that must not be believed any more, by serial number; asked on every connection. */
export class RevokedSerials {
  #serials = new Set<string>();

  /** @param serial lower-case hexadecimal. */
  has(serial: string): boolean {
    return this.#serials.has(serial);
  }

  /** Reads what was revoked and has not expired, which no check would let through anyway. */
  async refresh(sql: Sql): Promise<void> {
    const rows = await sql`select serial from certificates where revoked_at is not null and not_after > app_now()`;
    this.#serials = new Set(rows.map((row) => (row.serial as string).toLowerCase()));
  }
}
