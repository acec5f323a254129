import type { z } from "zod";
import { passkeysAt, type RelyingParty } from "../../core/auth/factors/relying_party.ts";
import type { Client, OpenedSession } from "../../core/auth/types.ts";
import { AppError } from "../../core/errors.ts";
import type { Context } from "../../web/mod.ts";
import { keepSession } from "../(_role)/keep_session.ts";
import type { Services, State } from "../(_role)/state.ts";

/** What a passkey's answer may take as text, in characters. */
const MOST = 64_000;

/** Where a session is opened from. */
export function clientOf({ state, req }: Pick<Context<State>, "state" | "req">): Client {
  return { address: state.address, user_agent: req.headers.get("user-agent") };
}

/** @throws AppError passkeys_unavailable, with why */
export function partyOf(services: Services, url: URL): RelyingParty {
  const { party, unavailable } = passkeysAt(services.public_url, url);
  if (!party) throw new AppError("passkeys_unavailable", { message: unavailable });
  return party;
}

/** What a page's island put into its form: the passkey's answer as JSON. @throws AppError passkey_refused */
export function readAnswer<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  let value: unknown = null;
  try {
    if (text.length <= MOST) value = JSON.parse(text);
  } catch { /* told below */ }
  const read = schema.safeParse(value);
  if (!read.success) throw new AppError("passkey_refused");
  return read.data;
}

/** Headers of a page that hands out a session beside what it shows. */
export async function keeping(services: Services, opened: OpenedSession | null): Promise<Headers> {
  if (!opened) return new Headers();
  return (await keepSession(new Response(), services, opened)).headers;
}

/** Nothing was typed: no attempt, so nothing is counted. */
export function codeMissing(): AppError {
  return new AppError("validation_failed", {
    message: "The code is needed.",
    hint: "Type the code that is shown now.",
  });
}

/** Words of a refusal for a page that shows its form again; what is our own fault is thrown on. */
export function problemOf(thrown: unknown): { title: string; hint: string; status: number } {
  if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
  return { title: thrown.message, hint: thrown.hint, status: thrown.status };
}
