import { z } from "zod";

export const roles = ["admin", "operator", "auditor"] as const;
export type Role = typeof roles[number];

/**
 * How far a sign-in has come. `factor`: the password was right, the second factor is still asked for. `enrol`: there is no
 * second factor yet, and nothing but setting one up is open. `full`: all that the role allows.
 */
export const stages = ["factor", "enrol", "full"] as const;
export type Stage = typeof stages[number];

/**
 * How somebody proved who they are, in the words of RFC 8176: a password, a one-time code, a passkey on hardware or in
 * software, which found out by itself who holds it. `rc` is our word for a recovery code.
 */
export const methods = ["pwd", "otp", "hwk", "swk", "user", "rc"] as const;
export type AuthMethod = typeof methods[number];

/** The API token that somebody came with. */
export interface ViewerToken {
  id: string;
  name: string;
  /** What it may, in the words of core/tokens/scopes.ts. */
  scopes: readonly string[];
  /** It is limited to hosts of some groups: what belongs to no host is closed to it. */
  limited: boolean;
}

/** Somebody who is signed in: what every read and every act is judged by. */
export interface Viewer {
  /** User id. */
  id: string;
  username: string;
  display_name: string;
  role: Role;
  session_id: string;
  session_kind: SessionKind;
  /** Nothing but changing the password is open until it was changed. */
  must_change_password: boolean;
  stage: Stage;
  /** When they last proved who they are: at sign-in, or when they were asked to confirm. */
  authenticated_at: Temporal.Instant;
  /** Whose eyes they see with, for `visible_hosts()`: their own id, or that of the API token they came with. */
  sees: string;
  /** The API token they came with: it may only what its scopes say. Null for a session. */
  token: ViewerToken | null;
}

export const sessionKinds = ["browser", "api", "wall"] as const;
/**
 * browser: the token lives in a cookie and rotates unseen. api: a bearer token that its owner refreshes. wall: a screen
 * that shows the dashboard for weeks, without any right to act.
 */
export type SessionKind = typeof sessionKinds[number];

/** What a person types in. Bounded before anything costly happens. */
export const Credentials = z.strictObject({
  username: z.string().min(1, "is empty").max(64, "is longer than 64 characters"),
  password: z.string().min(1, "is empty").max(1024, "is longer than 1,024 characters"),
});
export type Credentials = z.infer<typeof Credentials>;

/** Where a session was opened from, for the list of sessions. */
export interface Client {
  address: string | null;
  user_agent: string | null;
}

/** A session that was just opened, renewed or refreshed. The refresh token is shown once. */
export interface OpenedSession {
  /** Refresh token: 256 random bits, 43 characters of base64url. */
  token: string;
  /** How many refresh tokens the session had before. */
  rotation: number;
  session_id: string;
  /** Ends at the latest then, whatever happens. */
  expires_at: Temporal.Instant;
  /** Ends then when it is not used before. */
  idle_until: Temporal.Instant;
  viewer: Viewer;
}
