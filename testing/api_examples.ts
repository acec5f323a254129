import type { Stage } from "../core/auth/types.ts";
import addresses from "./examples/addresses.ts";
import audit from "./examples/audit.ts";
import auth from "./examples/auth.ts";
import enrolments from "./examples/enrolments.ts";
import factors from "./examples/factors.ts";
import groups from "./examples/groups.ts";
import hosts from "./examples/hosts.ts";
import jobs from "./examples/jobs.ts";
import orders from "./examples/orders.ts";
import sessions from "./examples/sessions.ts";
import site from "./examples/site.ts";
import tokens from "./examples/tokens.ts";
import users from "./examples/users.ts";
import type { Example, MakeForm, MakePath, Topic } from "./examples/topic.ts";

export type { Example, Form } from "./examples/topic.ts";
export * from "./examples/make.ts";

/** One file a topic; a new one is named here. */
const topics: Topic[] = [
  addresses,
  audit,
  auth,
  enrolments,
  factors,
  groups,
  hosts,
  jobs,
  orders,
  sessions,
  site,
  tokens,
  users,
];

/** @throws Error when two topics have an example of the same route */
function merged<T>(part: (topic: Topic) => Record<string, T> | undefined): Record<string, T> {
  const all = new Map<string, T>();
  for (const [name, example] of topics.flatMap((topic) => Object.entries(part(topic) ?? {}))) {
    if (all.has(name)) throw new Error(`${name} has two examples below testing/examples/.`);
    all.set(name, example);
  }
  return Object.fromEntries(all);
}

/** Every operation of the API. The matrix fails for a route that is not here, and for one here that is no route. */
export const examples: Record<string, Example> = merged(({ api }) => api);
/** A good form for every page that changes something. */
export const forms: Record<string, MakeForm> = merged(({ forms }) => forms);
/** Addresses of pages with ids. */
export const pages: Record<string, MakePath> = merged(({ pages }) => pages);
/** Routes that are for somebody who has not finished signing in. */
export const stages: Record<string, Stage> = merged(({ stages }) => stages);
/** Routes that change nothing that the audit log is about, each with why. */
export const silent: Record<string, string> = merged(({ silent }) => silent);
