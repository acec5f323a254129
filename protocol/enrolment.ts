import { z } from "zod";

/** How a host asks a manager to take it in: an agent speaks first here, so the manager reads these. */

const text = (max: number) => z.string().max(max).refine((value) => !value.includes("\u0000"), "contains NUL");

/** Body of `POST {manager}/api/v1/enroll`. `port` is ours; without it the agent answers on 12443. */
export const EnrolRequest = z.object({
  machine_id: text(128).min(1),
  fqdn: text(255).min(1),
  ip_address: text(64).min(1),
  os_details: z.record(text(64), z.unknown()).default({}),
  hostname: text(255).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  csr: text(16_384).optional(),
  token: text(128).optional(),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

/** Answer of `GET {manager}/api/v1/enroll/status/{token}`, always HTTP 200. */
export const EnrolStatus = z.discriminatedUnion("status", [
  z.object({ status: z.enum(["pending", "denied", "notfound"]) }),
  z.object({
    status: z.literal("approved"),
    ca_crt: text(16_384),
    ca_chain: text(65_536).optional(),
    server_crt: text(16_384),
    server_key: text(16_384).optional(),
    crl_pem: text(2 ** 22).nullish(),
    repo_config: z.unknown().optional(),
  }),
]);
export type EnrolStatus = z.infer<typeof EnrolStatus>;
