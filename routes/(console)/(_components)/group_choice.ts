import { MAX_MEMBERS } from "../../../core/groups/types.ts";
import { groupHostIds } from "../../../core/views/group_hosts.ts";
import type { Form } from "../../(_role)/form.ts";
import { type State, viewerOf } from "../../(_role)/state.ts";
import { askedHosts } from "./host_list.ts";

/**
 * The hosts that a form of a group's page means: those that are ticked, or all that the filter shows.
 * @param inside those of the group, or those outside of it
 */
export async function chosenHosts(state: State, group_id: string, inside: boolean, form: Form): Promise<string[]> {
  if (form.get("all") !== "1") return form.all("host");
  const { filter } = askedHosts(new URLSearchParams(form.get("filter")));
  const { sql } = state.services;
  return await groupHostIds(sql, viewerOf(state).sees, group_id, inside, filter, MAX_MEMBERS);
}
