import { countText } from "../../components/quantity.tsx";
import { type Query, writeQuery } from "./query.ts";
import type { HostLine } from "./rows.ts";

/** Hosts that an address can name; more are reached by the filter that shows them. */
export const MOST_NAMED = 300;

/** What a deployment to chosen hosts would be. */
export interface Deploy {
  /** Where it is reviewed; null where it cannot be named. */
  href: string | null;
  /** Hosts that have something to install. */
  hosts: number;
  /** What the person should know of the others. */
  note?: string;
}

/**
 * The review of a deployment to the chosen hosts: by their names where an address can hold them, else, when all that is
 * shown is chosen, by the filter itself.
 *
 * @param shown how many hosts the filter shows
 */
export function deployOf(chosen: HostLine[], shown: number, query: Query, only: string | null): Deploy {
  const able = chosen.filter(({ installable }) => installable > 0);
  const without = chosen.length - able.length;
  const note = without > 0 ? `${countText(without, "host has", "hosts have")} nothing to install` : undefined;
  if (able.length === 0) return { href: null, hosts: 0, note };
  if (able.length <= MOST_NAMED) {
    return { href: `/deploy?${able.map(({ id }) => `host=${id}`).join("&")}`, hosts: able.length, note };
  }
  if (chosen.length < shown) {
    const most = `To deploy to more than ${MOST_NAMED} hosts, filter for them and choose all.`;
    return { href: null, hosts: able.length, note: most };
  }
  const search = writeQuery({ ...query, sort: "" }, only);
  return { href: `/deploy${search || "?all=1"}`, hosts: able.length, note };
}
