import { uuidv7 } from "../../core/ids.ts";
import { makeHost, makeJob, makeRollbackJob } from "./make.ts";
import { type Example, get, type Topic } from "./topic.ts";

const ofJob = (tail: (host_id: string) => string): Example => ({
  request: async (site) => {
    const { job_id, host_id } = await makeJob(site, "running");
    return { path: `/api/v1/jobs/${job_id}${tail(host_id)}` };
  },
  status: 200,
});

export default {
  api: {
    "GET /api/v1/jobs": get("/api/v1/jobs?kind=apply&state=open"),
    "POST /api/v1/jobs": {
      request: async (site) => ({
        method: "POST",
        path: "/api/v1/jobs",
        json: { kind: "apply", host_ids: [await makeHost(site)], packages: [{ name: "openssl", version: "2.0" }] },
        headers: { "idempotency-key": uuidv7() },
      }),
      status: 201,
    },
    "POST /api/v1/jobs/preview": {
      request: async (site) => ({
        method: "POST",
        path: "/api/v1/jobs/preview",
        json: { host_ids: [await makeHost(site)], security_only: true },
      }),
      status: 200,
    },
    "POST /api/v1/jobs/:id/rollback": {
      request: async (site) => {
        const { job_id, host_id } = await makeRollbackJob(site);
        return {
          method: "POST",
          path: `/api/v1/jobs/${job_id}/rollback`,
          json: { host_ids: [host_id], reason: "the service does not start" },
          headers: { "idempotency-key": uuidv7() },
        };
      },
      status: 201,
    },
    "GET /api/v1/jobs/:id": ofJob(() => ""),
    "POST /api/v1/jobs/:id/cancel": {
      request: async (site) => {
        const { job_id } = await makeJob(site, "queued");
        return { method: "POST", path: `/api/v1/jobs/${job_id}/cancel`, json: { reason: "not today" } };
      },
      status: 200,
    },
    "POST /api/v1/jobs/:id/retry": {
      request: async (site) => {
        const { job_id } = await makeJob(site, "failed");
        return { method: "POST", path: `/api/v1/jobs/${job_id}/retry` };
      },
      status: 201,
    },
    "GET /api/v1/jobs/:id/hosts": ofJob(() => "/hosts?state=running"),
    "GET /api/v1/jobs/:id/hosts/:host_id": ofJob((host_id) => `/hosts/${host_id}`),
    "GET /api/v1/jobs/:id/hosts/:host_id/log": ofJob((host_id) => `/hosts/${host_id}/log?after=0`),
  },
  forms: {
    "POST /deploy": async (site) => {
      const fields: [string, string][] = [["host", await makeHost(site)], ["offer", "openssl 2.0"], [
        "kind",
        "dry_run",
      ]];
      return { path: "/deploy", fields: [...fields, ["key", uuidv7()]] };
    },
    "POST /jobs/:id/cancel": async (site) => ({
      path: `/jobs/${(await makeJob(site, "queued")).job_id}/cancel`,
      fields: [["reason", "not today"]],
    }),
    "POST /jobs/:id/retry": async (site) => ({ path: `/jobs/${(await makeJob(site, "failed")).job_id}/retry` }),
    "POST /jobs/:id/rollback": async (site) => {
      const { job_id, host_id } = await makeRollbackJob(site);
      return { path: `/jobs/${job_id}/rollback`, fields: [["host", host_id], ["reason", "broken"]] };
    },
  },
  pages: {
    "GET /jobs/:id": async (site) => `/jobs/${(await makeJob(site, "running")).job_id}`,
  },
  silent: {
    "POST /api/v1/jobs/preview": "reads only",
  },
} satisfies Topic;
