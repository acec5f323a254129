import type { AllowList } from "../../core/access/allow_list.ts";
import type { AuditDesk } from "../../core/audit/audit_desk.ts";
import type { Actor, Context as CallContext } from "../../core/audit/types.ts";
import type { Blocklist } from "../../core/auth/blocklist.ts";
import type { Sealer } from "../../core/auth/sealer.ts";
import type { SessionDesk } from "../../core/auth/session_desk.ts";
import type { Viewer } from "../../core/auth/types.ts";
import type { Authority } from "../../core/ca/types.ts";
import type { CurrentCrl } from "../../core/certificates/current_crl.ts";
import type { Clock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import type { Issuer } from "../../core/enrolment/types.ts";
import { AppError } from "../../core/errors.ts";
import type { Readiness } from "../../core/heartbeat/check_readiness.ts";
import type { Log } from "../../core/log.ts";
import type { RefusalLimit } from "../../core/tokens/refusal_limit.ts";
import type { Relay } from "../(_live)/relay.ts";
import { createDefine } from "../../web/mod.ts";

/** What the web role works with, made once at its start. */
export interface Services {
  sql: Sql;
  clock: Clock;
  log: Log;
  /** The internal CA with the door to its key. */
  authority: Authority;
  /** Seals what the database must not know. */
  sealer: Sealer;
  /** Passwords that nobody may choose. */
  blocklist: Blocklist;
  /** Issues certificates to enrolling hosts. Within a request take `issuerOf(services)`, which holds the list ready. */
  issuer: Issuer;
  /** The list of revoked certificates. */
  crl: CurrentCrl;
  /** For `/status/health`. */
  readiness: Readiness;
  /** SHA-256 of the root certificate's DER, 64 hexadecimal digits: what an enrolling host is told to expect. */
  ca_fingerprint: string;
  /** The root certificate, PEM. */
  ca_certificate: string;
  /** Addresses of a name, IPv4 and IPv6; empty when there are none. */
  resolve(name: string): Promise<string[]>;
  /** `https://patch.example.org` where it is configured; null lets the request's own Host stand. */
  public_url: string | null;
  /** Path of the file that holds the one-time password until the first login; null when it went to a terminal. */
  initial_password_file: string | null;
  version: string;
  /** Feeds the open pages. */
  relay: Relay;
  /** Knows who is asking. */
  sessions: SessionDesk;
  /** Verifies the audit log, and holds what proves it. */
  audit: AuditDesk;
  /** Who may come in, and where requests come from. */
  access: AllowList;
  /** Counts API tokens that are no good. */
  refusals: RefusalLimit;
}

/** Tells open pages when there is something new; every hint may be lost, so readers look by themselves too. */
export interface LiveSource {
  /** Called with each new event's number, or null when something may have been missed. */
  on_event(listener: (seq: number | null) => void): () => void;
  /**
   * Called with the id of a session or API token that has ended, or null when any may have. `renewed`: another session
   * took its place.
   */
  on_revoked(listener: (id: string | null, renewed?: boolean) => void): () => void;
  /** Called with the id of a user who is called otherwise now. */
  on_renamed(listener: (user_id: string) => void): () => void;
  /** False while ends of sessions may be missed. */
  connected(): boolean;
}

/** What one request knows. Middleware fills it, handlers read it. */
export interface State {
  services: Services;
  /** ULID, also in the answer's X-Request-Id. */
  request_id: string;
  /** The peer's address; null only where there is no connection (tests of the site alone). */
  address: string | null;
  viewer: Viewer | null;
  /** An API token came along and is no good: thrown by whatever asks who is there. */
  token_refused: AppError | null;
  /** Why a token that came along is no good, for words on the login page. */
  session_ended: boolean;
  /** It ended because a copy of its token was used. */
  session_copied: boolean;
  theme: "light" | "dark" | null;
  /** The person hid the rail. */
  rail_hidden: boolean;
  /** The page's own title, set by its handler or page function. */
  title: string;
}

export const define = createDefine<State>();

/** The person behind the request. @throws AppError not_signed_in; authorize() has looked before, so it never does */
export function viewerOf(state: State): Viewer {
  if (!state.viewer) throw new AppError("not_signed_in");
  return state.viewer;
}

/** Who is asking, for use cases and audit. */
export function callContext(state: State): CallContext {
  const actor: Actor = state.viewer
    ? { kind: "user", id: state.viewer.id, name: state.viewer.username }
    : { kind: "anonymous" };
  const { address, request_id, services } = state;
  return { actor, address, request_id, token: state.viewer?.token ?? null, clock: services.clock };
}
