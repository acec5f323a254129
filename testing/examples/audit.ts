import { get, post, type Topic } from "./topic.ts";

export default {
  api: {
    "GET /api/v1/audit": get("/api/v1/audit?outcome=success&limit=3"),
    "GET /api/v1/audit/verify": get("/api/v1/audit/verify"),
    "GET /api/v1/audit/verifications": get("/api/v1/audit/verifications"),
    "POST /api/v1/audit/verifications": post("/api/v1/audit/verifications", undefined, 202),
    "GET /api/v1/audit/export.csv": get("/api/v1/audit/export.csv?action=auth"),
    "GET /api/v1/audit/export.json": get("/api/v1/audit/export.json?outcome=success"),
  },
  forms: {
    "POST /audit/verify": () => ({ path: "/audit/verify" }),
  },
  pages: {
    "GET /audit/:seq": () => "/audit/1",
  },
} satisfies Topic;
