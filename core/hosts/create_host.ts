import type { Clock } from "../clock.ts";
import type { Tx } from "../database/types.ts";
import { appendEvent } from "../live/append_event.ts";
import { AppError } from "../errors.ts";
import { HostTaken } from "./host_taken.ts";
import { uuidv7 } from "../ids.ts";
import {
  insertHost,
  insertMemberships,
  insertPolls,
  lockRegistration,
  selectExisting,
  selectUsableGroups,
  selectVisibleIds,
} from "./store.ts";
import type { ExistingHost, HostEndpoint } from "./types.ts";

/** What a new host begins with. */
export interface NewHost extends HostEndpoint {
  display_name?: string;
  machine_hash?: string | null;
  source: "manual" | "enrolment";
  /** It says so when it enrols; one that never answers would look real otherwise. */
  simulated?: boolean;
  notes?: string;
  tags?: string[];
  group_ids?: string[];
  /** Groups that were decided before, by whoever made the enrolment token. */
  granted_group_ids?: string[];
  /** Whoever adds it may put it into their own groups only (admins into all). Null: into all. */
  viewer: string | null;
  /** The user who adds it; none when absent. */
  created_by?: string | null;
  /** When it is asked for the first time. */
  first_poll_at: Temporal.Instant;
}

/**
 * Makes a host with its polls, counters and groups, inside the caller's transaction. Both ways in use it: by hand
 * and by enrolment.
 *
 * @returns the new host's id
 * @throws AppError host_exists, with the existing host's name for who may know of it, else HostTaken; validation_failed for an unknown
 *   group
 */
export async function createHost(tx: Tx, host: NewHost, clock: Clock): Promise<string> {
  const machine_hash = host.machine_hash ?? null;
  await lockRegistration(tx);
  const existing = await selectExisting(tx, { ...host, machine_hash });
  if (existing.length > 0) {
    const ids = existing.map(({ id }) => id);
    const visible = host.viewer === null ? [] : await selectVisibleIds(tx, host.viewer, ids);
    const known = existing.find(({ id }) => visible.includes(id));
    // One that they know of is reason enough: of others nothing is said.
    throw known ? hostExists(known) : new HostTaken(existing[0]);
  }
  const groupIds = [...new Set(host.group_ids ?? [])];
  const usable = await selectUsableGroups(tx, host.viewer, groupIds);
  if (usable.length < groupIds.length) {
    const hint = "Choose among the groups that you belong to.";
    throw new AppError("validation_failed", {
      details: [{ field: "group_ids", problem: "There is no such group.", hint }],
    });
  }
  const id = uuidv7(clock);
  const { display_name = "", notes = "", tags = [], simulated = false } = host;
  await insertHost(tx, {
    ...host,
    id,
    display_name,
    machine_hash,
    simulated,
    notes,
    tags: [...new Set(tags)],
    created_at: clock.now(),
    created_by: host.created_by ?? null,
  });
  await insertMemberships(tx, id, [...usable, ...host.granted_group_ids ?? []]);
  if (host.viewer !== null && (await selectVisibleIds(tx, host.viewer, [id])).length === 0) throw outsideOfToken();
  await insertPolls(tx, id, host.first_poll_at);
  await appendEvent(tx, { topic: "hosts", host_id: id, kind: "created", data: { host_id: id, name: host.fqdn } });
  return id;
}

/** An API token that is limited to groups adds nothing that it could not see afterwards. */
function outsideOfToken(): AppError {
  const problem = "This API token is limited to groups, and the host would be in none of them.";
  return new AppError("validation_failed", {
    details: [{ field: "group_ids", problem, hint: "Name a group that the token is for." }],
  });
}

/** The words when a host is there already. */
function hostExists(existing: ExistingHost): AppError {
  const name = existing.display_name || existing.fqdn;
  return new AppError("host_exists", {
    message: `This host is already registered: ${name} (${existing.address}, port ${existing.port}).`,
    details: [{ field: "address", problem: `Registered as ${name}.`, hint: "Open that host, or remove it first." }],
  });
}
