import { z } from "zod";

export const roles = ["admin", "operator", "auditor"] as const;
export type Role = typeof roles[number];

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
}

/** browser: the token lives in a cookie and rotates unseen. api: a bearer token that its owner refreshes. */
export type SessionKind = "browser" | "api";

/** What a person types in. Bounded before anything costly happens. */
export const Credentials = z.object({
  username: z.string().min(1, "is empty").max(64, "is longer than 64 characters"),
  password: z.string().min(1, "is empty").max(1024, "is longer than 1,024 characters"),
});
export type Credentials = z.infer<typeof Credentials>;

/** Where a session was opened from, for the list of sessions. */
export interface Client {
  address: string | null;
  user_agent: string | null;
}

/** A session that was just opened or refreshed. The token is shown once. */
export interface OpenedSession {
  token: string;
  session_id: string;
  /** Ends at the latest then, whatever happens. */
  expires_at: Temporal.Instant;
  /** Ends then when it is not used before. */
  idle_until: Temporal.Instant;
  viewer: Viewer;
}
