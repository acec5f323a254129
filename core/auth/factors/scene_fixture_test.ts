import { testDatabase } from "../../../testing/database.ts";
import { type FakeClock, fakeClock } from "../../../testing/fake_clock.ts";
import { type TestApp, testApp } from "../../../testing/factors.ts";
import { type TestPasskey, testPasskey } from "../../../testing/passkey.ts";
import type { Context } from "../../audit/types.ts";
import { AppError } from "../../errors.ts";
import { uuidv7 } from "../../ids.ts";
import { login } from "../login.ts";
import { hashPassword } from "../password.ts";
import { sealerOf } from "../sealer.ts";
import { openSession } from "../sessions.ts";
import { insertUser, savePassword } from "../store.ts";
import type { OpenedSession, Viewer } from "../types.ts";
import { askNewPasskey } from "./ask_passkey.ts";
import { enrolPasskey } from "./enrol_passkey.ts";
import { enrolTotp } from "./enrol_totp.ts";
import { beginTotp } from "./totp_setup.ts";
import type { Vault } from "./types.ts";

export const ORIGIN = "https://patch.example.org:8443";
export const PARTY = { id: "patch.example.org", origin: ORIGIN };
export const CLIENT = { address: "192.0.2.1", user_agent: "a browser" };
export const PASSWORD = "violet-harbour-lantern-42";

/** True for an error of this code. */
export const coded = (code: string) => (thrown: unknown) => thrown instanceof AppError && thrown.code === code;

let hash: Promise<string> | undefined;

/** A database with people in it, and what they do with their phones and keys. */
export async function scene() {
  const database = await testDatabase();
  const clock: FakeClock = fakeClock();
  const vault: Vault = { sql: database.web, sealer: await sealerOf(crypto.getRandomValues(new Uint8Array(32))) };
  const contextOf = (viewer: Viewer | null, address = CLIENT.address): Context => ({
    actor: viewer ? { kind: "user", id: viewer.id, name: viewer.username } : { kind: "anonymous" },
    address,
    request_id: null,
    clock,
  });

  /** A new user with a password. */
  async function person(username: string): Promise<string> {
    const id = uuidv7(clock);
    await insertUser(database.sql, { id, username, display_name: "", role: "operator", created_at: clock.now() });
    await savePassword(database.sql, id, await (hash ??= hashPassword(PASSWORD)), false, clock.now());
    return id;
  }

  /** Signs in with the password: what is open then is only the second factor. */
  async function signIn(username: string): Promise<OpenedSession> {
    const { actor: _, ...context } = contextOf(null);
    return await login(vault.sql, { username, password: PASSWORD }, "browser", CLIENT, context);
  }

  /** A full session, however it came about. */
  async function inside(id: string, username: string): Promise<Viewer> {
    const user = { id, username, display_name: "", role: "operator" as const, must_change: false };
    return (await openSession(vault.sql, user, "browser", CLIENT, clock)).viewer;
  }

  /** Sets up an app, as the page does. */
  async function setUpApp(viewer: Viewer) {
    const { setup, secret } = await beginTotp(vault.sealer, viewer, clock);
    const app: TestApp = testApp(secret, clock);
    const made = await enrolTotp(vault, viewer, { setup, code: app.code() }, CLIENT, contextOf(viewer));
    return { app, ...made };
  }

  /** Registers a passkey, as the page does. */
  async function setUpPasskey(viewer: Viewer, options: { verifies?: boolean; name?: string } = {}) {
    const { verifies = true, name = "Blue key" } = options;
    const passkey: TestPasskey = testPasskey(ORIGIN, verifies);
    const asked = await askNewPasskey(vault.sql, viewer, PARTY, contextOf(viewer));
    const given = { name, response: passkey.register(asked) };
    const made = await enrolPasskey(vault.sql, viewer, given, PARTY, CLIENT, contextOf(viewer));
    return { passkey, ...made };
  }

  /** Somebody whose sign-in is complete, with an app. */
  async function withApp(username: string) {
    const id = await person(username);
    const { viewer } = await signIn(username);
    const { app, opened, recovery_codes } = await setUpApp(viewer);
    clock.advance({ minutes: 5 });
    return { id, app, viewer: opened!.viewer, recovery_codes: recovery_codes! };
  }

  /** Rows of the audit log about an action, oldest first. */
  async function rows(action: string) {
    const found = await database.sql`
      select outcome, convert_from(payload, 'UTF8')::jsonb->'details' as details
      from audit_log where action = ${action} order by seq`;
    return found.map(({ outcome, details }) => ({ outcome: outcome as string, details }));
  }

  return {
    database,
    clock,
    vault,
    contextOf,
    person,
    signIn,
    inside,
    setUpApp,
    setUpPasskey,
    withApp,
    rows,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
