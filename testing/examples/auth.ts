import { TEST_PASSWORD } from "../site.ts";
import { get, post, type Topic } from "./topic.ts";

export default {
  api: {
    "POST /api/v1/auth/login": {
      request: async (site) => {
        const { username } = await site.signIn("auditor");
        return { method: "POST", path: "/api/v1/auth/login", json: { username, password: TEST_PASSWORD } };
      },
      status: 200,
    },
    "POST /api/v1/auth/refresh": {
      request: async (site) => {
        const { refresh_token } = await site.signIn("auditor");
        return { method: "POST", path: "/api/v1/auth/refresh", json: { refresh_token } };
      },
      status: 200,
    },
    "POST /api/v1/auth/logout": post("/api/v1/auth/logout", undefined),
    "POST /api/v1/auth/password": post("/api/v1/auth/password", {
      current_password: TEST_PASSWORD,
      new_password: "meadow-copper-thirteen-owls",
    }),
    "GET /api/v1/auth/me": get("/api/v1/auth/me"),
  },
  forms: {
    "POST /login": async (site) => {
      const { username } = await site.signIn("auditor");
      return { path: "/login", fields: [["username", username], ["password", TEST_PASSWORD], ["next", "/hosts"]] };
    },
    "POST /logout": () => ({ path: "/logout" }),
    "POST /password": () => {
      const fields: [string, string][] = [["current_password", TEST_PASSWORD]];
      for (const name of ["new_password", "repeated_password"]) fields.push([name, "meadow-copper-thirteen-owls"]);
      return { path: "/password", fields };
    },
  },
  silent: {
    "POST /api/v1/auth/refresh": "the same session goes on; its end and a copied token are rows",
  },
} satisfies Topic;
