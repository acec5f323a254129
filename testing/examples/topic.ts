import type { ClientRequest } from "../http_client.ts";
import type { Stage } from "../../core/auth/types.ts";
import type { TestCaller, TestSite } from "../site.ts";

/**
 * A good request of one operation; what it needs is made for it, so that it can be sent as often as wanted. `caller` is
 * who is going to send it, undefined for nobody.
 */
export interface Example {
  request(site: TestSite, caller?: TestCaller): ClientRequest | Promise<ClientRequest>;
  /** Status for whoever may call. */
  status: number;
  /** Callers that the handler refuses although the table would let them in, such as `browser` where a bearer is due. */
  refused?: string[];
}

/** A filled form of a page. */
export interface Form {
  path: string;
  fields?: [name: string, value: string][];
}
export type MakeForm = (site: TestSite, caller: TestCaller) => Form | Promise<Form>;
/** The address of a page whose pattern has ids, with what it shows. */
export type MakePath = (site: TestSite) => string | Promise<string>;

/**
 * Examples of one topic's routes, by `"METHOD /pattern"`. The tests that walk the route table (who may do what, which
 * row is left, what bad input meets) take them from here, and fail for a route that has none.
 */
export interface Topic {
  /** Operations of the API. */
  api?: Record<string, Example>;
  /** A good form for every page that changes something. */
  forms?: Record<string, MakeForm>;
  /** Pages with ids in their pattern; every other page is asked for by its pattern. */
  pages?: Record<string, MakePath>;
  /** Routes that are for somebody who has not finished signing in, with how far they are. */
  stages?: Record<string, Stage>;
  /** Routes with another method than GET that leave no row in the audit log, each with why. */
  silent?: Record<string, string>;
}

/** A reading of a path that needs nothing made. */
export function get(path: string, status = 200): Example {
  return { request: () => ({ path }), status };
}

/** A body sent to a path that needs nothing made. */
export function post(path: string, json: unknown, status = 200): Example {
  return { request: () => ({ method: "POST", path, json }), status };
}
