import { AppError } from "../../../core/errors.ts";
import { HostListQuery } from "../../../core/views/list_hosts.ts";
import { checked } from "../../../core/views/page.ts";
import { hostsQuery } from "./host_words.ts";

/** The query of the list of hosts, checked. */
export interface AskedHosts {
  filter: ReturnType<typeof HostListQuery.parse>;
  /** What was left out because it means nothing, in words. */
  problem: string | null;
}

/** Reads an address of the list. One that somebody typed wrong still shows hosts, and says what was left out. */
export function askedHosts(params: URLSearchParams): AskedHosts {
  const { cursor: _, ...query } = hostsQuery(params);
  try {
    return { filter: checked(HostListQuery, query), problem: null };
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
    const problem = thrown.details.map(({ field }) => cannotBe(field, query[field as keyof typeof query])).join(" ");
    return { filter: checked(HostListQuery, {}), problem };
  }
}

/** Which part of an address is no good, in the words of the page. */
function cannotBe(field: string, value = ""): string {
  const name = field === "search" ? "What is searched for" : field.charAt(0).toUpperCase() + field.slice(1);
  return `${name} cannot be “${value.length > 40 ? `${value.slice(0, 40)}…` : value}”.`;
}
