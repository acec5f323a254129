import { z } from "@hono/zod-openapi";
import { roles, sessionKinds, stages } from "../../core/auth/types.ts";
import { Instant, listOf } from "./api_app.ts";

const count = z.int().min(0);
const account = {
  id: z.uuid(),
  username: z.string().openapi({ description: "It never changes: the audit log knows people by it." }),
  display_name: z.string(),
  email: z.string().nullable(),
  role: z.enum(roles),
  disabled_at: Instant.nullable().openapi({ description: "Since when nobody can sign in with it." }),
};
const ended_sessions = count.openapi({ description: "Sessions that ended by it, within a second." });

/** A user in a list, and alone. */
export const UserEntry = z.object({
  ...account,
  created_at: Instant,
  last_login_at: Instant.nullable(),
  must_change_password: z.boolean().openapi({ description: "A one-time password is in use." }),
  factors: z.object({
    totp: z.boolean().openapi({ description: "An authenticator app is set up." }),
    passkeys: count,
    recovery_codes: count.openapi({ description: "Those that are left." }),
  }),
  sessions: count.openapi({ description: "Open now." }),
  tokens: count.openapi({ description: "API tokens that are good now." }),
  groups: z.array(z.object({ id: z.uuid(), name: z.string() })),
}).openapi("UserEntry");
export const UserList = listOf(UserEntry).openapi("UserList");

export const UserMade = z.object({
  ...account,
  one_time_password: z.string().openapi({
    description: "Shown now and never again; it must be changed at the first login.",
  }),
}).openapi("UserMade");
export const UserChanged = z.object({ ...account, ended_sessions }).openapi("UserChanged");
export const UserRemoved = z.object({ id: z.uuid(), removed: z.literal(true) }).openapi("UserRemoved");
export const PasswordReset = z.object({
  id: z.uuid(),
  one_time_password: z.string().openapi({
    description: "Shown now and never again; it must be changed at the next login.",
  }),
  ended_sessions,
}).openapi("UserPasswordReset");
export const FactorsReset = z.object({
  id: z.uuid(),
  app: z.boolean().openapi({ description: "There was an authenticator app." }),
  passkeys: count,
  recovery_codes: count,
  ended_sessions,
}).openapi("UserFactorsReset");

export const UserSession = z.object({
  id: z.uuid(),
  kind: z.enum(sessionKinds),
  name: z.string().nullable().openapi({ description: "Only wall screens have one." }),
  stage: z.enum(stages).openapi({ description: "How far the sign-in has come." }),
  methods: z.array(z.string()).openapi({ description: "What was proven, in the words of RFC 8176." }),
  address: z.string().nullable(),
  user_agent: z.string().nullable(),
  created_at: Instant,
  last_used_at: Instant,
  authenticated_at: Instant.openapi({ description: "When they last proved who they are." }),
  idle_until: Instant,
  expires_at: Instant,
}).openapi("UserSession");
export const UserSessionList = listOf(UserSession).openapi("UserSessionList");
export const SessionsEnded = z.object({ ended: z.array(z.uuid()) }).openapi("UserSessionsEnded");
