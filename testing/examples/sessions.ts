import { uuidv7 } from "../../core/ids.ts";
import { openSession } from "../../core/auth/sessions.ts";
import { systemClock } from "../../core/clock.ts";
import type { TestCaller, TestSite } from "../site.ts";
import { get, type Topic } from "./topic.ts";

/** Another session of whoever is going to end it; nobody's for nobody. */
async function otherSession(site: TestSite, caller: TestCaller | undefined): Promise<string> {
  if (!caller) return uuidv7();
  const user = { id: caller.user_id, username: caller.username, display_name: "", role: "auditor", must_change: false };
  const from = { address: "192.0.2.44", user_agent: "another browser" };
  return (await openSession(site.database.web, user as never, "browser", from, systemClock)).session_id;
}

let screens = 0;

/** Routes of own sessions and the profile. */
export default {
  api: {
    "GET /api/v1/auth/sessions": get("/api/v1/auth/sessions"),
    "DELETE /api/v1/auth/sessions": {
      request: () => ({ method: "DELETE", path: "/api/v1/auth/sessions" }),
      status: 200,
    },
    "DELETE /api/v1/auth/sessions/:id": {
      request: async (site, caller) => ({
        method: "DELETE",
        path: `/api/v1/auth/sessions/${await otherSession(site, caller)}`,
      }),
      status: 200,
    },
  },
  forms: {
    "POST /profile/end-session": async (site, caller) => ({
      path: "/profile/end-session",
      fields: [["session", await otherSession(site, caller)]],
    }),
    "POST /profile/end-others": () => ({ path: "/profile/end-others" }),
    "POST /profile/wall": () => ({ path: "/profile/wall", fields: [["name", `Screen ${++screens}`]] }),
  },
} satisfies Topic;
