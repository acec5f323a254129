import manifest from "../deno.json" with { type: "json" };
import { reason } from "../core/errors.ts";

/** Where this program lies: what differs between a checkout, a bundle and an executable. */
export interface Program {
  /** The folder of main.ts (or its bundle), a real path. */
  root: string;
  /** The ending of its modules: `.ts` in a checkout, `.js` in a bundle. */
  ending: string;
  version: string;
}

/** Reads it off main.ts's own address. */
export function programAt(mainUrl: string): Program {
  const folder = new URL(".", mainUrl).pathname.replace(/\/$/, "");
  const root = decodeURIComponent(folder);
  return { root: realPath(root), ending: mainUrl.slice(mainUrl.lastIndexOf(".")), version: manifest.version };
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // An embedded file system has no links.
  }
}

/** The oldest runtime that enforces client certificates and the TLS version on servers. */
const OLDEST: readonly [number, number] = [2, 9];

/**
 * Words when this runtime must not be used, else null. Deno 2.7 ignores `requestCert` and `minVersion` on servers
 * without a word, so an older one would look as if it were protected.
 */
export function runtimeProblem(version: string): string | null {
  const parts = /^(\d+)\.(\d+)\./.exec(version);
  const [major, minor] = parts ? [Number(parts[1]), Number(parts[2])] : [0, 0];
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null;
  return `Deno ${version} does not enforce TLS 1.3 and client certificates. ` +
    `Use Deno ${OLDEST.join(".")} or later: npx -y deno@2.9.6 …`;
}

/** Set to true by scripts/compile.ts for its own test and for nothing else. */
declare const RUNTIME_CHECK_OFF: boolean;

/** True in a build whose runtime check is off. */
export function runtimeCheckIsOff(): boolean {
  return typeof RUNTIME_CHECK_OFF !== "undefined" && RUNTIME_CHECK_OFF;
}

/** Writes whole lines to standard output. */
export function say(text: string): void {
  write(Deno.stdout, text);
}

/** Writes whole lines to standard error. */
export function complain(text: string): void {
  write(Deno.stderr, text);
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text.endsWith("\n") ? text : `${text}\n`);
  for (let sent = 0; sent < bytes.length;) sent += stream.writeSync(bytes.subarray(sent));
}

/** Words of what was thrown, with what to do when it says so. */
export function words(thrown: unknown): string {
  const { hint } = thrown as { hint?: string };
  return hint ? `${reason(thrown)}\n${hint}` : reason(thrown);
}
