import { z } from "zod";
import { readNetwork } from "./network.ts";

/** A network in CIDR form; becomes its canonical form. */
export const networkText = z.string().transform((text, context) => {
  const read = readNetwork(text);
  if ("network" in read) return read.network;
  context.addIssue({ code: "custom", message: `${read.problem} ${read.hint}` });
  return z.NEVER;
});

/** So many networks can be allowed. */
export const MOST_NETWORKS = 1_000;

/** Who may come in: the whole list, which replaces the one before. Empty: everybody. */
export const AllowedNetworksChange = z.strictObject({
  networks: z.array(
    z.strictObject({
      network: networkText,
      note: z.string().trim().max(200, "is longer than 200 characters")
        .refine((text) => !/\p{Cc}/u.test(text), "holds control characters").default(""),
    }),
  ).max(MOST_NETWORKS, `are more than ${MOST_NETWORKS}`),
});
export type AllowedNetworksChange = z.output<typeof AllowedNetworksChange>;

/** A network that may come in. */
export interface AllowedNetwork {
  network: string;
  /** What it is, in the words of whoever allowed it. */
  note: string;
  created_at: Temporal.Instant;
  /** User name; null for what was allowed at the console or by somebody who is gone. */
  created_by: string | null;
}
