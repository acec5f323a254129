import { z } from "zod";

/** The longest name of a group, in characters. */
export const MAX_GROUP_NAME = 64;
/** The most hosts or users that one request adds or removes. */
export const MAX_MEMBERS = 10_000;

/**
 * One line that a person reads: no control characters, which could steer a terminal or a CSV reader, nor the marks that
 * turn the direction of writing, which show a name as another one.
 */
const line = z.string()
  .refine((text) => !/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(text), "must not hold control characters")
  .refine((text) => text.isWellFormed(), "must be well-formed text");

/** Spaces at both ends go, and several of them become one: "Web  tier " and "Web tier" would look the same. */
const GroupName = line
  .transform((text) => text.normalize("NFC").trim().replace(/\s+/gu, " "))
  .refine((text) => text.length > 0, "must not be empty")
  .refine((text) => [...text].length <= MAX_GROUP_NAME, `must have at most ${MAX_GROUP_NAME} characters`);

const Description = z.string()
  // deno-lint-ignore no-control-regex -- that is what is looked for; line breaks and tabs are text
  .refine((text) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text), "must not hold control characters")
  .refine((text) => text.isWellFormed(), "must be well-formed text")
  .transform((text) => text.trim())
  .refine((text) => text.length <= 1_000, "must have at most 1000 characters");

/** What a person sends to make a group. */
export const GroupOrder = z.strictObject({ name: GroupName, description: Description.default("") });
export type GroupOrder = z.input<typeof GroupOrder>;

/** What a person changes in a group; what is absent stays. */
export const GroupChange = z.strictObject({ name: GroupName.optional(), description: Description.optional() });
export type GroupChange = z.input<typeof GroupChange>;

/** A group as it is stored. */
export const Group = z.object({ id: z.uuid(), name: z.string(), description: z.string() });
export type Group = z.infer<typeof Group>;

/** The two kinds of members. */
export type MemberKind = "hosts" | "users";
