import { z } from "@hono/zod-openapi";

/** Text without NUL, which the database cannot hold. */
export const Text = (max: number) =>
  z.string().max(max, `must have at most ${max} characters`)
    .refine((text) => !text.includes("\u0000"), "must not hold NUL");

/** A whole number of a query: digits only. */
export const WholeNumber = (least: number, most: number) =>
  z.string().regex(/^\d{1,15}$/, "must be a whole number").transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`)
    .openapi({ type: "integer", minimum: least, maximum: most });

/** `true` or `false`, nothing else. */
export const Flag = z.enum(["true", "false"], "must be true or false").transform((text) => text === "true")
  .openapi({ type: "boolean" });

/** What every list takes. `most` is the largest page. */
export const paging = (most: number) => ({
  cursor: Text(8_000).optional().openapi({ description: "`next` of the page before." }),
  limit: WholeNumber(1, most).optional(),
});
