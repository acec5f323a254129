import { z } from "zod";

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/**
 * What a page can follow. `jobs`: every job's state; `job:ID`: one job with its hosts, progress and log; `hosts`:
 * health and counts of all hosts; `host:ID`: one host; `enrolments`: the queue.
 */
export const Topic = z.string().regex(new RegExp(`^(jobs|hosts|enrolments|(job|host):${UUID})$`), "is not a topic");

/** A topic with the number of the last event that the page has seen; null starts with what comes next. */
export const Subscription = z.strictObject({
  topic: Topic,
  after_seq: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullable().default(null),
});
export type Subscription = z.output<typeof Subscription>;

/** One stored event. `seq` grows in the order of commits, so a reader who has seen 7 never misses a 6. */
export const LiveEvent = z.object({
  seq: z.number(),
  topic: z.string(),
  kind: z.string(),
  job_id: z.string().nullable(),
  host_id: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type LiveEvent = z.infer<typeof LiveEvent>;
