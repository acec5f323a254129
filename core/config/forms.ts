import { isIP } from "node:net";
import { z } from "zod";
import { readNetwork } from "../access/network.ts";
import { readTarget } from "../database/target.ts";
import { reason } from "../errors.ts";

/** A TCP port that can be connected to. */
export const port: z.ZodType<number> = z.int().min(1).max(65_535);

/** A TCP port to listen on; 0 lets the system choose. */
export const portOrAny: z.ZodType<number> = z.int().min(0).max(65_535);

/** An IPv4 or IPv6 address in its plain form: no zone, no port, no brackets. */
export const ipAddress: z.ZodType<string> = z.string().refine((text) => isIP(text) !== 0 && !text.includes("%"));

const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** True for a host name by RFC 1123; a name of digits and dots only is a mistyped address, so it is none. */
export function isHostName(text: string): boolean {
  return DNS_NAME.test(text) && !/^[0-9.]+$/.test(text);
}

/** A host name or an address. */
export const hostOrAddress: z.ZodType<string> = z.string().refine((text) =>
  isHostName(text) || (isIP(text) !== 0 && !text.includes("%"))
);

/** An absolute path without `..` and control characters; a comma would split Deno's permission lists. */
export const path: z.ZodType<string> = z.string().max(4096).refine(isCleanPath);

/** As {@link path}, and not the root folder. */
export const folder: z.ZodType<string> = z.string().max(4096).refine((text) => isCleanPath(text) && text.length > 1);

/** True for what {@link path} accepts, apart from its length. */
export function isCleanPath(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return text.startsWith("/") && !/[\u0000-\u001f\u007f,]/.test(text) && !text.split("/").includes("..");
}

/** A login name. */
export const userName: z.ZodType<string> = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);

/**
 * An IPv4 network that the runtime can enforce: /8 to /32, no host bits. Anything wider than /8 is a slip of
 * the hand (a /0 would let the fleet role reach the whole Internet).
 */
export const cidr: z.ZodType<string> = z.string().refine((text) => {
  const [address, length, ...more] = text.split("/");
  if (more.length > 0 || length === undefined || !/^(8|9|[12][0-9]|3[0-2])$/.test(length)) return false;
  if (isIP(address) !== 4) return false;
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return value % 2 ** (32 - Number(length)) === 0;
});

/** A network or a single address, IPv4 or IPv6, as the list of allowed networks takes them. */
export const network: z.ZodType<string> = z.string().refine((text) =>
  text === text.trim() && "network" in readNetwork(text)
);

/** The origin that people type: https, no path, no user, no query. */
export const publicUrl: z.ZodType<string> = z.string().max(300).refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.protocol === "https:" && text.replace(/\/$/, "").toLowerCase() === url.origin;
});

/** A database URL as core/database reads it; its words say what is wrong and never repeat the URL. */
export const databaseUrl: z.ZodType<string> = z.string().max(2000).superRefine((text, context) => {
  try {
    readTarget(text);
  } catch (thrown) {
    context.addIssue({ code: "custom", message: reason(thrown) });
  }
});
