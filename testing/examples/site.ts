import { readSettings } from "../../core/settings/read_settings.ts";
import { get, post, type Topic } from "./topic.ts";

export default {
  api: {
    "GET /api/v1/ca/root.crt": get("/api/v1/ca/root.crt"),
    "GET /api/v1/pki/crl.pem": get("/api/v1/pki/crl.pem"),
    "GET /api/v1/pki/crl.der": get("/api/v1/pki/crl.der"),
    "GET /api/v1/status/fleet": get("/api/v1/status/fleet"),
    "GET /api/v1/status/dashboard": get("/api/v1/status/dashboard"),
    "GET /api/v1/settings": get("/api/v1/settings"),
    "PUT /api/v1/settings/:key": {
      request: () => ({ method: "PUT", path: "/api/v1/settings/poll.concurrency", json: { value: 32 } }),
      status: 200,
    },
    "GET /api/v1/openapi.json": get("/api/v1/openapi.json"),
    "POST /api/v1/ws/ticket": post("/api/v1/ws/ticket", undefined),
  },
  forms: {
    "POST /settings": async ({ services }) => ({
      path: "/settings",
      // The form says what it was when it was opened.
      fields: [
        ["key", "poll.concurrency"],
        ["value", "32"],
        ["was", String((await readSettings(services.sql))["poll.concurrency"])],
      ],
    }),
    "POST /preferences": () => ({ path: "/preferences", fields: [["theme", "dark"], ["back", "/hosts"]] }),
  },
  silent: {
    "POST /preferences": "theme and rail lie in the browser's cookies",
    "POST /api/v1/ws/ticket": "opens a page's own socket for a minute",
  },
} satisfies Topic;
