import { createHash } from "node:crypto";
import type { ExistingHost } from "../hosts/types.ts";
import type { Machine } from "./types.ts";

/** What becomes of a request, in view of the hosts that are there. */
export type Judgement =
  /** Nothing like it is known. */
  | { kind: "new" }
  /** This very machine is enrolled already. */
  | { kind: "known"; host: ExistingHost }
  /** Another machine has the same machine id: an image that was copied. It waits for a person. */
  | { kind: "clone"; host: ExistingHost }
  /** Name or address belong to a host that is another machine. */
  | { kind: "taken"; host: ExistingHost };

/**
 * Compares a machine with the hosts that have something in common with it.
 * A host registered by hand has no machine id: its name and address are taken, whoever asks. Otherwise a token would
 * be enough to step into the place of a host that already is under management.
 */
export function judgeMachine(machine: Machine, existing: ExistingHost[]): Judgement {
  const same = existing.find((host) => host.machine_hash === machine.machine_hash);
  const atPlace = (host: ExistingHost) => host.address === machine.address && host.port === machine.port;
  const named = (host: ExistingHost) => host.fqdn.toLowerCase() === machine.fqdn;
  if (same && (atPlace(same) || named(same))) return { kind: "known", host: same };
  const taken = existing.find((host) => atPlace(host) || named(host));
  if (taken) return { kind: "taken", host: taken };
  return same ? { kind: "clone", host: same } : { kind: "new" };
}

/** As our agent hashes its own id, so that public agents, which send the id itself, have the same name. */
const PREFIX = "linux-patch-manager/machine-id/v1\0";

/** A hash of 64 hexadecimal digits stays; anything else is an id that must not be kept (machine-id(5)). */
export function machineHash(machineId: string): string {
  const id = machineId.trim().toLowerCase();
  return /^[0-9a-f]{64}$/.test(id) ? id : createHash("sha256").update(PREFIX + id).digest("hex");
}

/**
 * A copy that was let in has its own name, because machine ids are unique among hosts: the same for the same place,
 * so that it is known when it asks again.
 */
export function cloneHash(machine: Machine): string {
  const place = `${machine.machine_hash} ${machine.address} ${machine.port}`;
  return createHash("sha256").update(PREFIX + place).digest("hex");
}

/** Requests without token are let in while fewer than this came from the same address within a minute. */
export function rateExceeded(recent: number, perMinute: number): boolean {
  return recent >= perMinute;
}

/** More waiting requests than anybody reads: then no more are taken. */
export const MAX_PENDING = 2_000;

/**
 * The one command that enrols a machine. It holds the CA's fingerprint, so the agent never trusts blindly.
 *
 * @param managerUrl https address of the manager as the machine reaches it
 * @param fingerprint SHA-256 of the root certificate's DER, hexadecimal with or without colons
 * @param token from createEnrolmentTokens; null when a person approves
 * @throws RangeError when a part could break out of the command
 */
export function enrolmentCommand(managerUrl: string, fingerprint: string, token: string | null): string {
  const url = new URL(managerUrl);
  const manager = url.origin;
  const print = fingerprint.replaceAll(":", "").toLowerCase();
  if (url.protocol !== "https:") throw new RangeError("The manager's address has to begin with https://.");
  if (!/^https:\/\/[A-Za-z0-9.:[\]-]+$/.test(manager)) throw new RangeError("The manager's address is not usable.");
  if (!/^[0-9a-f]{64}$/.test(print)) throw new RangeError("The fingerprint has to have 64 hexadecimal digits.");
  if (token !== null && !/^[A-Za-z0-9_-]{43}$/.test(token)) throw new RangeError("The token is not one of ours.");
  const quoted = manager.includes("[") ? `'${manager}'` : manager;
  // With "=": a token may begin with a dash.
  const parts = ["patch-agent enrol", `--manager=${quoted}`, `--ca-fingerprint=${print}`];
  if (token !== null) parts.push(`--token=${token}`);
  return parts.join(" ");
}
