import { codeAt, newSecret } from "../core/auth/factors/totp.ts";
import { CODE_WINDOW, stepAt } from "../core/auth/factors/rules.ts";
import { totpPurpose } from "../core/auth/factors/check_code.ts";
import type { Vault } from "../core/auth/factors/types.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Sql } from "../core/database/connection.ts";
import { uuidv7 } from "../core/ids.ts";
import { plant } from "./planted_secrets.ts";
import { type TestPasskey, testPasskey } from "./passkey.ts";

/** An authenticator app: it shows a code that was not shown before, as long as its clock allows. */
export interface TestApp {
  secret: string;
  /**
   * A code that is good now and was not given before.
   * @throws Error when no other one would be taken: three at one time of a clock that stands, two in 30 s of a real one
   */
  code(): string;
}

/** An app with this secret. */
export function testApp(secret: string, clock: Clock = systemClock): TestApp {
  let last = -1;
  // While a real clock runs, the code before the present one ends between typing it and its check, now and then.
  const oldest = clock === systemClock ? 0 : CODE_WINDOW;
  return {
    secret,
    code() {
      const present = stepAt(clock.now());
      last = Math.max(last + 1, present - oldest);
      if (last > present + CODE_WINDOW) {
        throw new Error("The app has no further code that is good now: ask less often.");
      }
      return codeAt(secret, Temporal.Instant.fromEpochMilliseconds(last * 30_000));
    },
  };
}

/** Gives a user an app, as if it had been set up long ago. */
export async function giveApp({ sql, sealer }: Vault, user_id: string, clock: Clock = systemClock): Promise<TestApp> {
  const secret = plant(newSecret());
  const sealed = await sealer.seal(new TextEncoder().encode(secret), totpPurpose(user_id));
  await sql`
    insert into totp_secrets (user_id, sealed, created_at, last_step) values (${user_id}, ${sealed}, ${clock.now()}, 0)
    on conflict (user_id) do update set sealed = excluded.sealed, last_step = 0`;
  return testApp(secret, clock);
}

/** Gives a user a passkey of this origin, as if it had been registered long ago. */
export async function givePasskey(
  sql: Sql,
  user_id: string,
  origin: string,
  verifies = true,
): Promise<{ passkey: TestPasskey; passkey_id: string }> {
  const passkey = testPasskey(origin, verifies);
  const passkey_id = uuidv7();
  await sql`
    insert into passkeys
      (id, user_id, name, credential_id, public_key, sign_count, backed_up, verifies_user, created_at)
    values (${passkey_id}, ${user_id}, 'Blue key', ${passkey.credential}, ${passkey.public_key}, 0, false, ${verifies},
      app_now())`;
  return { passkey, passkey_id };
}
