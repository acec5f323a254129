import { z } from "@hono/zod-openapi";
import { type OpenedSession, roles, stages, type Viewer } from "../../core/auth/types.ts";
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
  access_token: z.string().openapi({
    description: "A JWT. Send it as `Authorization: Bearer …`. Take it as it is: what it holds may change.",
  }),
  token_type: z.literal("Bearer"),
  expires_in: z.int().openapi({ description: "Seconds until the access token ends: at most 900." }),
  refresh_token: z.string().openapi({
    description: "For `POST /api/v1/auth/refresh`. It works once, and the answer holds the next one.",
  }),
  session_id: z.string(),
  stage: z.enum(stages).openapi({
    description:
      "`factor`: the second factor is still asked for. `enrol`: there is none yet, it has to be set up first.",
  }),
  idle_until: Instant.openapi({ description: "The session ends then when it is not used before." }),
  expires_at: Instant.openapi({ description: "The session ends then whatever happens." }),
  user: User,
}).openapi("Session");

export function userBody({ id, username, display_name, role, must_change_password }: Viewer): z.infer<typeof User> {
  return { id, username, display_name, role, must_change_password };
}

/** What an API client is given of a session that was opened, renewed or refreshed. */
export async function sessionBody(services: Services, opened: OpenedSession): Promise<z.infer<typeof Session>> {
  const { token, session_id, idle_until, expires_at, viewer } = opened;
  const access = await services.sessions.accessToken(opened);
  return {
    access_token: access.token,
    token_type: "Bearer",
    expires_in: access.expires_in,
    refresh_token: token,
    session_id,
    stage: viewer.stage,
    idle_until: rfc3339(idle_until),
    expires_at: rfc3339(expires_at),
    user: userBody(viewer),
  };
}
