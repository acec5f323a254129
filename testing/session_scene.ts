import { refreshSession, type TokenOrigin } from "../core/auth/refresh_session.ts";
import { type Sealer, sealerOf } from "../core/auth/sealer.ts";
import { openSession } from "../core/auth/sessions.ts";
import type { OpenedSession, Role, SessionKind, Stage } from "../core/auth/types.ts";
import type { TestDatabase } from "./database.ts";
import { type FakeClock, fakeClock } from "./fake_clock.ts";
import { addUser } from "./job_scenario.ts";

/** A user who opens sessions, without a site around it. */
export interface SessionScene {
  user_id: string;
  clock: FakeClock;
  sealer: Sealer;
  open(kind?: SessionKind, stage?: Stage): Promise<OpenedSession>;
  refresh(token: string, kind?: SessionKind, origin?: Partial<TokenOrigin>): ReturnType<typeof refreshSession>;
}

/** A key that is nobody's. */
export function testSealer(): Promise<Sealer> {
  return sealerOf(crypto.getRandomValues(new Uint8Array(32)));
}

export async function sessionScene(database: TestDatabase, role: Role = "operator"): Promise<SessionScene> {
  const clock = fakeClock();
  const user = await addUser(database.sql, role);
  const sealer = await testSealer();
  const person = { ...user, role, username: `user-${user.id}`, display_name: "Ines", must_change: false };
  await database.sql`update users set username = ${person.username}, display_name = 'Ines' where id = ${user.id}`;
  const client = { address: "192.0.2.1", user_agent: "a browser" };
  return {
    user_id: user.id,
    clock,
    sealer,
    open: (kind = "browser", stage = "full") =>
      openSession(database.web, person, kind, client, clock, { stage, methods: ["pwd"] }),
    refresh: (token, kind = "browser", origin = {}) =>
      refreshSession({ sql: database.web, sealer, clock }, token, [kind], {
        address: null,
        request_id: null,
        ...origin,
      }),
  };
}
