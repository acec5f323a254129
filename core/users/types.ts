import { z } from "zod";
import { type Role, roles } from "../auth/types.ts";

/** The longest user name, in characters. */
export const MAX_USERNAME = 64;
/** The most groups of one order. */
const MAX_GROUPS = 100;

/**
 * Lower case, after Unicode compatibility normalisation, so that nobody is told apart by what looks the same. Letters,
 * digits and `. _ @ + -`: also an e-mail address can be one.
 */
const Username = z.string()
  .max(4 * MAX_USERNAME, `must have at most ${MAX_USERNAME} characters`)
  .transform((text) => text.toWellFormed().normalize("NFKC").trim().toLowerCase())
  .refine((text) => text.length > 0, "must not be empty")
  .refine((text) => text.length <= MAX_USERNAME, `must have at most ${MAX_USERNAME} characters`)
  .refine(
    (text) => text.length === 0 || /^[a-z0-9][a-z0-9._@+-]*$/.test(text),
    "must have only letters a to z, digits and . _ @ + -, and begin with a letter or digit",
  );

/** One line that a person reads; spaces at both ends go, and several of them become one. */
const DisplayName = z.string()
  // Among them those that turn the direction of writing, so that a name shows as another one.
  .refine((text) => !/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(text), "must not hold control characters")
  .refine((text) => text.isWellFormed(), "must be well-formed text")
  .transform((text) => text.normalize("NFC").trim().replace(/\s+/gu, " "))
  .refine((text) => [...text].length <= 200, "must have at most 200 characters");

/** Where mail reaches somebody; nothing is sent to see whether it does. Empty stands for none. */
const Email = z.string().trim().max(320, "must have at most 320 characters")
  .refine((text) => text.isWellFormed(), "must be well-formed text")
  .refine(
    // deno-lint-ignore no-control-regex -- that is what is looked for
    (text) => text === "" || /^[^\s@\u0000-\u001f\u007f]+@[^\s@\u0000-\u001f\u007f]+$/.test(text),
    "must look like name@example.org",
  )
  .nullable().transform((text) => text || null);

const UserRole = z.enum(roles, `must be one of ${roles.join(", ")}`);

/** What an admin says to make a user. */
export const UserOrder = z.strictObject({
  username: Username,
  display_name: DisplayName.default(""),
  email: Email.default(null),
  role: UserRole,
  group_ids: z.array(z.string()).max(MAX_GROUPS, `must be at most ${MAX_GROUPS}`).default([]),
});
export type UserOrder = z.input<typeof UserOrder>;

/** What an admin changes of a user; what is absent stays. The user name stays: the audit log knows people by it. */
export const UserChange = z.strictObject({
  display_name: DisplayName.optional(),
  email: Email.optional(),
  role: UserRole.optional(),
});
export type UserChange = z.input<typeof UserChange>;

/** A user as they are stored. */
export interface Account {
  id: string;
  username: string;
  display_name: string;
  email: string | null;
  role: Role;
  /** Since when nobody can sign in with it; null while it is in use. */
  disabled_at: Temporal.Instant | null;
}

/** A user who was made, or whose password was replaced, with the password that is shown once. */
export interface OneTime {
  user: Account;
  /** Must be changed at the first login. It is stored nowhere. */
  password: string;
}
