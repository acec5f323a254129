import { indexTargets } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import type { PolicyVersion } from "./policy.ts";

/** Sources, in apt's words, whose index carries no verified signature. */
export type UnsignedSources = Set<string>;

/** Asks apt which of its sources it trusts: by signature, or because the host's administrator marked one so. */
export async function readUnsigned(root: string | null): Promise<UnsignedSources> {
  const answer = await read(aptCall(root, programs.apt_get, indexTargets));
  return parseIndexTargets(answer.stdout);
}

/** Reads `yes SOURCE` and `no SOURCE` lines. */
export function parseIndexTargets(text: string): UnsignedSources {
  return new Set([...text.matchAll(/^no (\S.* Packages)$/gm)].map((match) => match[1]));
}

/** True when no signed source has this version: apt would refuse it in the middle of the whole transaction. */
export function isUnsigned(version: PolicyVersion | undefined, unsigned: UnsignedSources): boolean {
  if (!version || unsigned.size === 0 || version.sources.length === 0) return false;
  return version.sources.every((source) => unsigned.has(source));
}

/** Words about such a version. At most 512 characters. */
export function unsignedWords(version: PolicyVersion): string {
  const from = version.sources[0].replace(/ Packages$/, "");
  return `The repository's signature could not be verified, so nothing is installed from it: ${from}`.slice(0, 512);
}
