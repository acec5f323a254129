import type { Db } from "../../database/connection.ts";
import { countRecoveryCodes, findTotp, listPasskeys } from "./store.ts";
import type { Factors } from "./types.ts";

/** What somebody proves themselves with, without any secret of it. */
export async function factorsOf(db: Db, user_id: string): Promise<Factors> {
  const [totp, passkeys, recovery_codes_left] = await Promise.all([
    findTotp(db, user_id),
    listPasskeys(db, user_id),
    countRecoveryCodes(db, user_id),
  ]);
  return {
    app: totp && { created_at: totp.created_at },
    passkeys: passkeys.map(({ id, name, created_at, last_used_at, verifies_user, backed_up }) => ({
      id,
      name,
      created_at,
      last_used_at,
      verifies_user,
      backed_up,
    })),
    recovery_codes_left,
  };
}
