import { uuidv7 } from "../../core/ids.ts";
import { makeHost } from "./make.ts";
import type { MakeForm, Topic } from "./topic.ts";

const formOfHost = (tail: string, fields: [string, string][]): MakeForm => async (site) => ({
  path: `/hosts/${await makeHost(site)}/${tail}`,
  fields,
});

export default {
  api: {
    "POST /api/v1/hosts/:id/repair": {
      request: async (site) => ({
        method: "POST",
        path: `/api/v1/hosts/${await makeHost(site)}/repair`,
        json: { reason: "dpkg was interrupted" },
        headers: { "idempotency-key": uuidv7() },
      }),
      status: 201,
    },
    "POST /api/v1/hosts/:id/reboot": {
      request: async (site) => ({
        method: "POST",
        path: `/api/v1/hosts/${await makeHost(site)}/reboot`,
        json: { delay_seconds: 120 },
        headers: { "idempotency-key": uuidv7() },
      }),
      status: 201,
    },
  },
  forms: {
    "POST /hosts/:id/reboot": formOfHost("reboot", [["delay", "120"], ["reason", "kernel"]]),
    "POST /hosts/:id/repair": formOfHost("repair", [["reason", "dpkg was interrupted"]]),
  },
} satisfies Topic;
