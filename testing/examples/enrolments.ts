import { machine, makeEnrolment, makeEnrolmentToken } from "./make.ts";
import { type Example, get, type MakeForm, post, type Topic } from "./topic.ts";

const decision = (verb: string): Example => ({
  request: async (site) => ({
    method: "POST",
    path: `/api/v1/enrolments/${await makeEnrolment(site)}/${verb}`,
    json: {},
  }),
  status: 200,
});
const formOfEnrolment = (tail: string): MakeForm => async (site) => ({
  path: `/enrolments/${await makeEnrolment(site)}/${tail}`,
});

export default {
  api: {
    "POST /api/v1/enroll": {
      request: () => ({ method: "POST", path: "/api/v1/enroll", json: machine() }),
      status: 202,
    },
    "GET /api/v1/enroll/status/:token": get(`/api/v1/enroll/status/${"x".repeat(43)}`),
    "GET /api/v1/enrolment-tokens": get("/api/v1/enrolment-tokens"),
    "POST /api/v1/enrolment-tokens": post("/api/v1/enrolment-tokens", { count: 2, label: "rack 4" }, 201),
    "DELETE /api/v1/enrolment-tokens/:id": {
      request: async (site) => ({
        method: "DELETE",
        path: `/api/v1/enrolment-tokens/${await makeEnrolmentToken(site)}`,
      }),
      status: 200,
    },
    "GET /api/v1/enrolments": {
      request: async (site) => {
        await makeEnrolment(site);
        return { path: "/api/v1/enrolments" };
      },
      status: 200,
    },
    "POST /api/v1/enrolments/:id/approve": decision("approve"),
    "POST /api/v1/enrolments/:id/deny": decision("deny"),
  },
  forms: {
    "POST /enrolments": () => ({ path: "/enrolments", fields: [["label", "rack 4"]] }),
    "POST /enrolments/:id/approve": formOfEnrolment("approve"),
    "POST /enrolments/:id/deny": formOfEnrolment("deny"),
    "POST /enrolments/tokens/:id/revoke": async (site) => {
      const admin = await site.signIn("admin");
      const { json } = await admin.post("/api/v1/enrolment-tokens", { count: 1 });
      return { path: `/enrolments/tokens/${json.items[0].id}/revoke` };
    },
  },
  pages: {
    "GET /enrolments/:id": async (site) => `/enrolments/${await makeEnrolment(site)}`,
  },
} satisfies Topic;
