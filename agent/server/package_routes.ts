import { ApplyRequest, PackageName } from "../../protocol/api.ts";
import { readOrder } from "../jobs.ts";
import { invalid, Refusal } from "./answer.ts";
import { type Handler, ok, readBody } from "./call.ts";
import { answerTagged } from "./entity_tag.ts";
import { accepted } from "./job_routes.ts";

/** Longest accepted age of an index in the query, in seconds: a year. */
const MAX_AGE = 31_536_000;

export const packages: Handler = async ({ operations, query, if_none_match }) => {
  const wanted = query.get("status");
  if (wanted !== null && wanted !== "upgradable" && wanted !== "installed") {
    throw invalid([{ field: "status", problem: "is neither upgradable nor installed" }]);
  }
  const all = await operations.packages();
  const rows = wanted === "upgradable" ? all.filter((row) => row.upgradable === true) : all;
  const data = { packages: rows, total: rows.length };
  return answerTagged(data, data, if_none_match);
};

export const onePackage: Handler = async ({ operations, name }) => {
  if (!PackageName.safeParse(name).success) throw invalid([{ field: "name", problem: "is not a package name" }]);
  const found = (await operations.packages()).find((row) => row.name === name);
  if (!found) throw new Refusal("PKG_NOT_FOUND", `The package ${name} is not installed on this host.`);
  return ok(found);
};

export const patches: Handler = async ({ operations, query, if_none_match }) => {
  const text = query.get("max_index_age");
  const age = text === null ? undefined : /^\d{1,8}$/.test(text) ? Number(text) : NaN;
  if (age !== undefined && !(age <= MAX_AGE)) {
    throw invalid([{ field: "max_index_age", problem: `is not a whole number of seconds from 0 to ${MAX_AGE}` }]);
  }
  const data = await operations.patches(age === undefined ? {} : { max_index_age_seconds: age });
  const { index_age_seconds, ...content } = data;
  // The age grows by itself, so it is in no tag; who gets a 304 still learns it from this header.
  const headers: Record<string, string> = typeof index_age_seconds === "number"
    ? { "x-index-age-seconds": String(Math.floor(index_age_seconds)) }
    : {};
  return answerTagged(data, content, if_none_match, headers);
};

export const apply: Handler = async ({ operations, body, clock }) =>
  accepted(await operations.start(readOrder(readBody(ApplyRequest, body), clock)));
