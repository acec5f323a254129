import type { Reached } from "../../agent/backends/simulated/record.ts";

/** What the hosts noted themselves, in order of time (milliseconds since the epoch). */
export interface RequestHistory {
  /** By number of the host. */
  hosts: Map<number, { at: number; what: Reached }[]>;
  /** Moments at which the hosts' process was itself late, and by how much. */
  stalls: Stall[];
}

/** A moment at which a process that takes part was late itself: what it noted may have come earlier. */
export interface Stall {
  at: number;
  ms: number;
}

/** Reads the record of a simulated fleet; see `RequestRecord`. A last line that is still being written is left out. */
export function readRequestHistory(text: string): RequestHistory {
  const history: RequestHistory = { hosts: new Map(), stalls: [] };
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    if (line === "") continue;
    const [at, who, what] = line.split(" ");
    if (who === "late") history.stalls.push({ at: Number(at), ms: Number(what) });
    else {
      const events = history.hosts.get(Number(who)) ?? [];
      events.push({ at: Number(at), what: what as Reached });
      history.hosts.set(Number(who), events);
    }
  }
  return history;
}
