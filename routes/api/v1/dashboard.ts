import { createRoute, z } from "@hono/zod-openapi";
import { hygieneParts } from "../../../core/hygiene/score.ts";
import { readDashboard } from "../../../core/views/dashboard.ts";
import { hostNeeds } from "../../../core/views/dashboard_hosts.ts";
import { hostSelections } from "../../../core/views/host_selection.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Instant } from "../../(_api)/api_app.ts";
import { viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /status/dashboard": { role: "auditor", scope: "hosts", audit: null },
} satisfies ApiAccess;

const count = z.int().min(0);

const Need = z.object({
  hosts: count,
  since: Instant.nullable().openapi({ description: "Where it has been so longest; of certificates the first end." }),
});

const Dashboard = z.object({
  hosts: count,
  compliance: z.object({
    compliant: count,
    not_compliant: count,
    stale: count.openapi({ description: "Data too old to say, or none: never counted as compliant." }),
    percent: z.number().min(0).max(100).nullable().openapi({
      description: "Share of compliant hosts of all, one digit, rounded down. Null without any host.",
    }),
  }),
  hygiene: z.object({
    score: z.int().min(0).max(100).nullable().openapi({ description: "Null without any host." }),
    grade: z.enum(["green", "yellow", "red"]).nullable(),
    held_back: z.boolean().openapi({ description: "Red only because a critical update is older than 7 days." }),
    parts: z.array(z.object({
      name: z.enum(hygieneParts),
      points: z.number().min(0).nullable().openapi({ description: "Null: nothing is known that could be counted." }),
      most: z.number().min(0),
      of: count.openapi({ description: "Hosts that it looks at." }),
    })),
  }),
  needs: z.object(
    Object.fromEntries(hostNeeds.map((name) => [name, Need])) as Record<typeof hostNeeds[number], typeof Need>,
  ),
  enrolments: z.object({
    waiting: count,
    clones: count.openapi({ description: "Of these, machines with the machine id of a known host." }),
    since: Instant.nullable(),
  }),
  selections: z.object(
    Object.fromEntries(hostSelections.map((name) => [name, count])) as Record<
      typeof hostSelections[number],
      typeof count
    >,
  ).openapi({ description: "How many hosts `GET /hosts?only=` shows." }),
  jobs_under_way: count,
  newest_report_at: Instant.nullable(),
  polling_seen_at: Instant.nullable().openapi({ description: "When the part that asks hosts last said it lives." }),
}).openapi("Dashboard");

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/status/dashboard",
      summary: "What needs a person, compliance and the hygiene score",
      responses: answers(200, Dashboard, "Over the hosts that the caller may see.", [401]),
    }),
    async (c) => {
      const { fleet, hosts, jobs, enrolments, hygiene } = await readDashboard(
        c.var.state.services.sql,
        viewerOf(c.var.state).sees,
      );
      const { compliant, not_compliant, stale } = fleet;
      const percent = fleet.hosts === 0 ? null : Math.floor(compliant * 1000 / fleet.hosts) / 10;
      const dashboard = {
        hosts: fleet.hosts,
        compliance: { compliant, not_compliant, stale, percent },
        hygiene,
        needs: hosts.needs,
        enrolments,
        selections: hosts.selections,
        jobs_under_way: jobs.open,
        newest_report_at: hosts.newest_report_at,
        polling_seen_at: hosts.fleet_beat_at,
      };
      return c.json(answer(Dashboard, dashboard), 200);
    },
  );
