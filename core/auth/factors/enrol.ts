import { appendFor } from "../../audit/append_audit.ts";
import type { Context } from "../../audit/types.ts";
import { type Sql, transaction } from "../../database/connection.ts";
import type { Tx } from "../../database/types.ts";
import { AppError } from "../../errors.ts";
import { endAccessOf } from "../end_access.ts";
import { holdUser } from "../store.ts";
import type { AuthMethod, Client, OpenedSession, Viewer } from "../types.ts";
import { completeSession } from "./complete_session.ts";
import { saveNewCodes } from "./make_recovery_codes.ts";
import { countFactors, countRecoveryCodes } from "./store.ts";

/** What came of setting up a factor. */
export interface Enrolled {
  /** The full session in place of the one that only let factors be set up; null when there was a full one already. */
  opened: OpenedSession | null;
  /** Ten codes with the first factor, shown once; null when there are some already. */
  recovery_codes: string[] | null;
}

/**
 * Keeps a factor that was just proven, in one transaction with its row: recovery codes come with the first, whoever was
 * only let in to set one up is let in, and every other session and API token of the user ends.
 *
 * @param save stores it and says what for the row; what it throws undoes everything
 */
export async function enrol(
  sql: Sql,
  viewer: Viewer,
  action: string,
  methods: AuthMethod[],
  save: (tx: Tx) => Promise<Record<string, unknown>>,
  client: Client,
  context: Context,
): Promise<Enrolled> {
  const { clock } = context;
  return await transaction(sql, async (tx) => {
    await holdUser(tx, viewer.id);
    // Their sign-in was under way when the first factor was set up: from then on it is not enough.
    if (viewer.stage === "enrol" && await countFactors(tx, viewer.id) > 0) throw new AppError("session_expired");
    const facts = await save(tx);
    const first = await countRecoveryCodes(tx, viewer.id) === 0;
    const recovery_codes = first ? await saveNewCodes(tx, viewer.id, clock) : null;
    const opened = viewer.stage === "enrol" ? await completeSession(tx, viewer, methods, client, clock) : null;
    const except = opened?.session_id ?? viewer.session_id;
    const why = "a second factor was added";
    const ended = await endAccessOf(tx, viewer.id, { except, why }, clock.now());
    await appendFor(tx, context, {
      action,
      object: { kind: "user", id: viewer.id, name: viewer.username },
      outcome: "success",
      details: {
        ...facts,
        ...ended,
        recovery_codes: first ? "made" : "kept",
        ...(opened ? { session: opened.session_id } : {}),
      },
    });
    return { opened, recovery_codes };
  });
}

/** The row of a factor that was not taken. */
export async function noteRefused(
  sql: Sql,
  viewer: Viewer,
  action: string,
  reason: string,
  context: Context,
): Promise<void> {
  const object = { kind: "user", id: viewer.id, name: viewer.username };
  await transaction(sql, (tx) => appendFor(tx, context, { action, object, outcome: "failure", details: { reason } }));
}
