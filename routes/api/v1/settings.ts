import { createRoute, z } from "@hono/zod-openapi";
import { AppError } from "../../../core/errors.ts";
import { changeSetting } from "../../../core/settings/change_setting.ts";
import { listSettings } from "../../../core/settings/read_settings.ts";
import type { ApiAccess } from "../../../web/mod.ts";
import { answer, answers, apiApp, Instant, jsonBody, listOf, wholeList } from "../../(_api)/api_app.ts";
import { callContext, viewerOf } from "../../(_role)/state.ts";

export const access = {
  "GET /settings": { role: "auditor", scope: "none", audit: null, tells_all: true },
  "PUT /settings/{key}": { role: "admin", scope: "none", audit: "setting.change", recent: true },
} satisfies ApiAccess;

const Setting = z.object({
  key: z.string(),
  title: z.string(),
  unit: z.string(),
  value: z.number().openapi({ description: "The one in force." }),
  default: z.number(),
  minimum: z.number(),
  maximum: z.number(),
  reason: z.string(),
  changed_at: Instant.nullable(),
  changed_by: z.uuid().nullable(),
  changed_by_name: z.string().nullable().openapi({ description: "User name of who changed it last." }),
  problem: z.string().nullable().openapi({ description: "When the stored value is not usable." }),
}).openapi("Setting");
const SettingList = listOf(Setting).openapi("SettingList");

export default apiApp()
  .openapi(
    createRoute({
      method: "get",
      path: "/settings",
      summary: "What can be changed while the manager runs",
      responses: answers(200, SettingList, "All settings.", [401]),
    }),
    async (c) => {
      const settings = await listSettings(c.var.state.services.sql);
      return c.json(answer(SettingList, wholeList(settings)), 200);
    },
  )
  .openapi(
    createRoute({
      method: "put",
      path: "/settings/{key}",
      summary: "Change a setting",
      request: {
        params: z.object({ key: z.string().max(100, "is longer than any key") }),
        ...jsonBody(z.strictObject({
          value: z.number(),
          expected: z.number().optional().openapi({
            description: "The value that the change was decided by. Where another is in force by now: 409 conflict.",
          }),
        })),
      },
      responses: answers(200, Setting, "In force now.", [400, 401, 403, 404, 409, 415]),
    }),
    async (c) => {
      const { sql } = c.var.state.services;
      const { key } = c.req.valid("param");
      const known = await listSettings(sql);
      if (!known.some((setting) => setting.key === key)) {
        throw new AppError("not_found", {
          message: "There is no such setting.",
          hint: "GET /api/v1/settings lists them.",
        });
      }
      const { value, expected } = c.req.valid("json");
      await changeSetting(sql, viewerOf(c.var.state).id, key, value, callContext(c.var.state), expected);
      const changed = (await listSettings(sql)).find((setting) => setting.key === key);
      return c.json(answer(Setting, changed), 200);
    },
  );
