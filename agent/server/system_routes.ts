import { RebootRequest, RepairRequest } from "../../protocol/api.ts";
import { ServiceName } from "../../protocol/executor.ts";
import { readReboot, readRepair } from "../jobs.ts";
import { invalid, Refusal } from "./answer.ts";
import { type Handler, ok, readBody } from "./call.ts";
import { accepted } from "./job_routes.ts";

export const health: Handler = async ({ health, operations }) => ok(await health.read(operations));

export const systemInfo: Handler = async ({ operations }) => ok(await operations.systemInfo());

export const repair: Handler = async ({ operations, body, clock }) =>
  accepted(await operations.start(readRepair(readBody(RepairRequest, body), clock)));

export const reboot: Handler = async ({ operations, body, clock }) =>
  accepted(await operations.start(readReboot(readBody(RebootRequest, body), clock)));

export const service: Handler = async ({ operations, name }) => {
  if (!ServiceName.safeParse(name).success) throw invalid([{ field: "name", problem: "is not the name of a service" }]);
  const found = await operations.service(name);
  if (found) return ok(found);
  throw new Refusal("NOT_FOUND", `This host has no service ${name}, or no service manager that the agent knows.`);
};
