import assert from "node:assert/strict";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { type FakeClock, fakeClock } from "../../testing/fake_clock.ts";
import { addUser, callerContext, type TestUser } from "../../testing/job_scenario.ts";
import type { Context } from "../audit/types.ts";
import { openSession } from "../auth/sessions.ts";
import { AppError } from "../errors.ts";

/** An admin and whom they decide about. */
export interface UsersScene extends AsyncDisposable {
  database: TestDatabase;
  clock: FakeClock;
  admin: TestUser;
  context: Context;
  /** Opens a session of somebody; answers its id. */
  signIn(user: { id: string }): Promise<string>;
  /** Ids of the sessions of somebody that are open. */
  open(user: { id: string }): Promise<string[]>;
  /** The rows of the audit log from the first on, without the chain. */
  rows(): Promise<{ action: string; outcome: string; object: string; details: Record<string, unknown> }[]>;
}

export async function usersScene(): Promise<UsersScene> {
  const database = await testDatabase();
  const clock = fakeClock();
  await database.setNow(clock.now());
  const { sql, web } = database;
  const admin = await addUser(sql, "admin");
  return {
    database,
    clock,
    admin,
    context: callerContext(admin, clock),
    signIn: async ({ id }) => {
      const [row] = await sql`select username, display_name, role from users where id = ${id}`;
      const user = { id, username: row.username, display_name: row.display_name, role: row.role, must_change: false };
      return (await openSession(web, user, "browser", { address: null, user_agent: null }, clock)).session_id;
    },
    open: async ({ id }) =>
      (await sql`select id from sessions where user_id = ${id} and revoked_at is null order by id`).map((row) =>
        row.id
      ),
    rows: async () =>
      await sql`
        select action, outcome, object_id as object, convert_from(payload, 'UTF8')::jsonb -> 'details' as details
        from audit_log order by seq` as never,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** The refusal with this code, or the test fails. */
export async function refused(work: () => Promise<unknown>, code: string): Promise<AppError> {
  let thrown: unknown;
  await assert.rejects(async () => await work(), (error) => (thrown = error, true));
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
}
