import { createRoute, z } from "@hono/zod-openapi";
import { fleetSummary } from "../../../core/views/fleet_summary.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Instant } from "../../(_api)/api_app.ts";
import { viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /status/fleet": { role: "auditor", scope: "hosts", audit: null },
} satisfies ApiAccess;

const count = z.int().min(0);

const Fleet = z.object({
  hosts: count,
  simulated: count,
  healthy: count,
  degraded: count,
  unreachable: count,
  waiting: count.openapi({ description: "Never polled." }),
  not_answering: count.openapi({ description: "Failed once, not unreachable yet." }),
  pending: count.openapi({ description: "Updates, over all hosts." }),
  installable: count,
  security: count,
  critical: count,
  high: count,
  medium: count,
  low: count,
  unknown: count,
  hosts_with_updates: count,
  hosts_with_security: count,
  hosts_with_critical: count,
  compliant: count,
  not_compliant: count,
  stale: count.openapi({ description: "Data too old to say, or none: never counted as compliant." }),
  reboot_required: count,
  refused: count.openapi({ description: "Hosts whose last report was refused." }),
  running: count.openapi({ description: "Hosts that a job works on now." }),
  oldest_report_at: Instant.nullable(),
  oldest_security_at: Instant.nullable(),
}).openapi("Fleet");

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/status/fleet",
      summary: "The fleet in numbers",
      responses: answers(200, Fleet, "Over the hosts that the caller may see.", [401]),
    }),
    async (c) => {
      const fleet = await fleetSummary(c.var.state.services.sql, viewerOf(c.var.state).sees);
      return c.json(answer(Fleet, fleet), 200);
    },
  );
