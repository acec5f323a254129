import { appendAudit } from "../audit/append_audit.ts";
import type { Actor, Context } from "../audit/types.ts";
import { type Sql, transaction, type Tx } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { tooManyAttempts } from "./attempts.ts";
import { countFactors } from "./factors/store.ts";
import { orRefused } from "./full_queue.ts";
import { hashPassword, isOutdated, verifyPassword } from "./password.ts";
import { canonicalUsername } from "./rules.ts";
import { openSession } from "./sessions.ts";
import { findUser, findUserById, holdUser, replaceHash, type StoredUser } from "./store.ts";
import {
  type Attempt,
  beginAttempt,
  forgive,
  isFirstRefusal,
  judgeAttempt,
  NOTHING,
  type Standing,
} from "./throttle.ts";
import type { Client, Credentials, OpenedSession, SessionKind } from "./types.ts";

/**
 * Begins a sign-in with a user name and a password. What is opened lets nobody in yet: the second factor is still to be
 * given, or, where there is none, to be set up. An unknown name, a disabled account and a wrong password get the
 * same answer in the same time.
 *
 * @throws AppError login_failed, too_many_requests (with how long to wait)
 */
export async function login(
  sql: Sql,
  credentials: Credentials,
  kind: SessionKind,
  client: Client,
  context: Omit<Context, "actor">,
): Promise<OpenedSession> {
  const { clock, address, request_id } = context;
  const username = canonicalUsername(credentials.username);
  const standing = await judgeAttempt(sql, username, address, clock);
  const user = await findUser(sql, username);
  if (standing.wait > 0) return await refuse(sql, user, standing, context);
  // Others may have failed while it waited for its turn, so it is judged again then, and counted.
  let attempt: Attempt = { ...standing, counted: NOTHING };
  const begin = async () => {
    attempt = await beginAttempt(sql, username, address, clock);
    return attempt.wait === 0;
  };
  const { asker } = standing;
  const fits = await orRefused(
    sql,
    asker,
    refusalOf(user),
    { ...context, actor: strangerAs(user) },
    () => verifyPassword(user?.hash ?? null, credentials.password, asker, begin),
  );
  if (attempt.wait > 0) return await refuse(sql, user, attempt, context);
  const stronger = fits && !user?.disabled ? await strongerHash(user!.hash!, credentials.password, standing) : null;
  const outcome = await transaction(sql, async (tx) => {
    const present = user && fits ? await stillTheSame(tx, user) : null;
    if (!user || !present || present.disabled) {
      // The name goes in as typed only when there is such a user: people type passwords into the wrong field.
      await appendAudit(tx, {
        actor: strangerAs(user),
        address,
        request_id,
        action: "auth.login",
        object: user ? { kind: "user", id: user.id, name: user.username } : null,
        outcome: "failure",
        details: { known_user: user !== null, pause_seconds: attempt.counted.pause },
      }, clock);
      return null;
    }
    await forgive(tx, username, address, attempt.counted);
    if (stronger !== null) await replaceHash(tx, user.id, user.hash!, stronger);
    const stage = await countFactors(tx, user.id) > 0 ? "factor" as const : "enrol" as const;
    const opened = await openSession(tx, present, kind, client, clock, { stage, methods: ["pwd"] });
    await appendAudit(tx, {
      actor: { kind: "user", id: user.id, name: user.username },
      address,
      request_id,
      action: "auth.login",
      object: { kind: "user", id: user.id, name: user.username },
      outcome: "success",
      details: { session: opened.session_id, kind, stage },
    }, clock);
    return opened;
  });
  if (!outcome) throw new AppError("login_failed");
  return outcome;
}

/**
 * The user as they are now, held so until the transaction ends; null when the password is no longer the one that was
 * looked at: hashing takes its time, and whoever changed it meanwhile has ended what was opened with the old one.
 */
async function stillTheSame(tx: Tx, user: StoredUser): Promise<StoredUser | null> {
  await holdUser(tx, user.id);
  const present = await findUserById(tx, user.id);
  const set_at = present?.password_set_at, before = user.password_set_at;
  return present && set_at && before && set_at.equals(before) ? present : null;
}

/** A hash with the present parameters where the stored one is older; null where it is not, or too many wait for one. */
async function strongerHash(stored: string, password: string, { asker }: Standing): Promise<string | null> {
  if (!isOutdated(stored)) return null;
  try {
    return await hashPassword(password, asker);
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}

/** Somebody who says that they are this user. What was typed is named only when there is such a user. */
function strangerAs(user: StoredUser | null): Actor {
  return { kind: "anonymous", id: null, name: user?.username ?? null };
}

function refusalOf(user: StoredUser | null) {
  const object = user ? { kind: "user", id: user.id, name: user.username } : null;
  return { action: "auth.login", object, details: { known_user: user !== null } };
}

/** The first refusal of a pause is a row; those after it would fill the log. @throws AppError too_many_requests */
async function refuse(
  sql: Sql,
  user: StoredUser | null,
  standing: Standing,
  { address, request_id, clock }: Omit<Context, "actor">,
): Promise<never> {
  await transaction(sql, async (tx) => {
    if (!await isFirstRefusal(tx, standing)) return;
    const { details, ...refused } = refusalOf(user);
    await appendAudit(tx, {
      ...{ actor: strangerAs(user), address, request_id },
      ...{ ...refused, outcome: "denied", details: { ...details, wait_seconds: standing.wait } },
    }, clock);
  });
  throw tooManyAttempts(standing.wait);
}
