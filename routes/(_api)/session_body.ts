import { z } from "@hono/zod-openapi";
import { type OpenedSession, roles, type Viewer } from "../../core/auth/types.ts";
import { rfc3339 } from "../../core/clock.ts";
import type { Services } from "../(_role)/state.ts";
import { Instant } from "./api_app.ts";

/** Who is signed in. */
export const User = z.object({
  id: z.string(),
  username: z.string(),
  display_name: z.string(),
  role: z.enum(roles),
  must_change_password: z.boolean().openapi({
    description: "True while a one-time password is in use: nothing but changing it is open.",
  }),
}).openapi("User");

/** A session that was just opened, renewed or refreshed. */
export const Session = z.object({
  token: z.string().openapi({ description: "Send it as `Authorization: Bearer …`. It is shown once." }),
  idle_until: Instant.openapi({ description: "The session ends then when it is not used before." }),
  expires_at: Instant.openapi({ description: "The session ends then whatever happens." }),
  user: User,
}).openapi("Session");

export function userBody({ id, username, display_name, role, must_change_password }: Viewer): z.infer<typeof User> {
  return { id, username, display_name, role, must_change_password };
}

/** What an API client is given of a session that it opened. */
export function sessionBody(_services: Services, opened: OpenedSession): Promise<z.infer<typeof Session>> {
  const { token, idle_until, expires_at, viewer } = opened;
  return Promise.resolve({
    token,
    idle_until: rfc3339(idle_until),
    expires_at: rfc3339(expires_at),
    user: userBody(viewer),
  });
}
