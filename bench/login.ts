import { createFirstAdmin } from "../core/auth/create_first_admin.ts";
import { login } from "../core/auth/login.ts";
import { warmUpPasswords } from "../core/auth/password.ts";
import { systemClock } from "../core/clock.ts";
import { testDatabase } from "../testing/database.ts";
import { type Figure, spread, timeEach } from "./measure.ts";

/** A login with Argon2id at the specification's floor, from the call to the opened session. */
export async function benchLogin(): Promise<Figure[]> {
  await using database = await testDatabase();
  let password = "";
  await createFirstAdmin(database.sql, "admin", (made) => void (password = made.password), systemClock);
  await warmUpPasswords();
  const client = { address: "192.0.2.1", user_agent: null };
  const context = { clock: systemClock, address: "192.0.2.1", request_id: null };
  const times = await timeEach(
    30,
    () => login(database.web, { username: "admin", password }, "browser", client, context),
  );
  return spread("login (Argon2id, 64 MiB, t = 3)", times, 500);
}
