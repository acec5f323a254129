import assert from "node:assert/strict";
import { changeSetting } from "../../core/settings/change_setting.ts";
import { issueTicket } from "../../core/live/tickets.ts";
import { TOKEN_PREFIX } from "../../core/tokens/types.ts";
import { examples, forms, pages, stages } from "../../testing/api_examples.ts";
import type { ClientAnswer, ClientRequest } from "../../testing/http_client.ts";
import { callerContext } from "../../testing/job_scenario.ts";
import type { TestCaller, TestSite } from "../../testing/site.ts";
import type { RouteEntry, RouteKind } from "../../web/mod.ts";
import { productRoutes } from "../../routes/(_role)/site.ts";
import { become, type Column, columns, type Groups, placeHosts, twoGroups } from "./askers.ts";
import { contentsOf } from "./contents.ts";
import { expectation, type Meeting } from "./expectation.ts";
import { emptySite } from "../pages/scenario.ts";

/** `GET /hosts/:id` */
export const nameOf = ({ method, pattern }: RouteEntry) => `${method} ${pattern}`;
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** A good request of any route, from its example. */
async function requestFor(route: RouteEntry, site: TestSite, caller: TestCaller | null): Promise<ClientRequest> {
  const name = nameOf(route);
  if (route.kind === "api") return await examples[name].request(site, caller ?? undefined);
  if (route.kind === "static") return { path: site.site.asset("icons.svg") };
  if (route.kind === "upgrade") return { path: await withTicket(site, route.pattern, caller) };
  if (route.method === "GET") return { path: await pages[name]?.(site) ?? route.pattern };
  const { path, fields = [] } = await forms[name](site, caller ?? await site.signIn("admin", { kind: "browser" }));
  return { method: route.method, path, headers: FORM, body: new URLSearchParams(fields).toString() };
}

/** A socket's address with a ticket of the caller's session; an API token has none, and gets one that is nobody's. */
async function withTicket({ services }: TestSite, path: string, caller: TestCaller | null): Promise<string> {
  if (!caller || caller.token.startsWith(TOKEN_PREFIX)) return `${path}?ticket=${"x".repeat(43)}`;
  return `${path}?ticket=${await issueTicket(services.sql, caller)}`;
}

/** A route without an example: the matrix would not see it. */
export function lacksExample(route: RouteEntry): boolean {
  const name = nameOf(route);
  if (route.kind === "api") return !examples[name];
  if (route.kind !== "page") return false;
  return route.method === "GET" ? /[:*]/.test(route.pattern) && !pages[name] : !forms[name];
}

interface Foreign {
  /** Names and addresses of hosts, and of their group: what no body may hold. */
  words: string[];
  /** Ids of hosts, of jobs on them and of their groups: a request that holds one names something foreign. */
  ids: string[];
}

async function foreignTo({ database: { sql } }: TestSite, { there }: Groups): Promise<Foreign> {
  const hosts = await sql`select id, fqdn, host(address) as address from hosts`;
  const groups = await sql`select id from groups where id <> ${there}`;
  const jobs = await sql`select distinct job_id as id from patch_job_hosts`;
  return {
    words: [...hosts.flatMap(({ fqdn, address }) => [fqdn, address]).filter(Boolean), "Hall of secrets"],
    ids: [...hosts, ...groups, ...jobs].map(({ id }) => id),
  };
}

const textOf = (request: ClientRequest) => JSON.stringify(request);

/** No body tells of hosts that the caller does not see, but in the words of the request itself. */
function assertSilent(what: string, request: ClientRequest, answer: ClientAnswer, { words }: Foreign): void {
  const asked = textOf(request);
  for (const word of words) {
    // With what follows, so that an address is not found in a longer one.
    const at = answer.text.search(new RegExp(`${word.replaceAll(".", "\\.")}(?![0-9a-z])`, "i"));
    assert.ok(at === -1 || asked.includes(word), `${what}: tells of ${word}: ${answer.text.slice(at - 80, at + 80)}`);
  }
}

/** The answer is the one that was expected, in the form of its kind. */
function assertMet(what: string, route: RouteEntry, meeting: Meeting, answer: ClientAnswer): void {
  const said = `${what}: ${answer.status} ${answer.headers.get("location") ?? ""} ${answer.text.slice(0, 300)}`;
  if (meeting === "passes") return assertPassed(said, route, answer);
  if ("to" in meeting) {
    assert.equal(answer.status, 303, said);
    return assert.match(answer.headers.get("location") ?? "", meeting.to, said);
  }
  assert.equal(answer.status, meeting.status, said);
  if (route.kind !== "page") assert.ok(meeting.codes.includes(answer.json?.error.code), said);
}

function assertPassed(said: string, route: RouteEntry, answer: ClientAnswer): void {
  if (route.kind === "api") return assert.equal(answer.status, examples[nameOf(route)].status, said);
  // A socket's route takes a handshake and nothing else.
  if (route.kind === "upgrade") return assert.equal(answer.json?.error.code, "bad_request", said);
  // No role of the fleet runs here.
  if (route.pattern === "/status/health") return assert.equal(answer.status, 503, said);
  assert.ok(answer.status < 400, said);
  // Signing in leads on to its next step.
  if (route.access.role === "anonymous") return;
  const location = answer.headers.get("location") ?? "";
  assert.doesNotMatch(location, /^\/(login\?|setup|password|confirm|login\/factor)/, said);
}

/** Refusals of somebody who is known: each leaves a row when the route would have left one. */
const DENIED = new Set(["forbidden", "confirmation_required", "token_scope_missing", "wall_screen"]);

interface Row {
  action: string;
  outcome: string;
}

async function rowsAfter({ database }: TestSite, seq: number): Promise<Row[]> {
  const rows = await database.sql`select action, outcome from audit_log where seq > ${seq} order by seq`;
  return rows.map(({ action, outcome }) => ({ action, outcome }));
}

/** Who is refused leaves nothing but, where somebody is known, one row that says so. */
async function tryRefused(
  site: TestSite,
  route: RouteEntry,
  list: { column: Column; meeting: Meeting }[],
  groups: Groups,
): Promise<void> {
  if (list.length === 0) return;
  const kind = route.kind === "page" ? "browser" : "api";
  const shared = await requestFor(route, site, await site.signIn("admin", { kind }));
  await placeHosts(site, groups);
  const foreign = await foreignTo(site, groups);
  for (const { column, meeting } of list) {
    const what = `${nameOf(route)} as ${column.name}`;
    const { client, caller } = await become(site, column, kind, groups);
    // A ticket is good once, and for its owner.
    const request = route.kind === "upgrade" ? await requestFor(route, site, caller) : shared;
    const before = await contentsOf(site.database.sql);
    const [{ seq }] = await site.database.sql`select seq from audit_head`;
    const answer = await client.send(request);
    assertMet(what, route, meeting, answer);
    assertSilent(what, request, answer, foreign);
    assert.deepEqual(await contentsOf(site.database.sql), before, `${what}: was refused, and changed something`);
    const { audit } = route.access;
    const known = typeof meeting === "object" && "codes" in meeting && meeting.codes.some((code) => DENIED.has(code));
    const rows = known && audit !== null ? [{ action: audit, outcome: "denied" }] : [];
    assert.deepEqual(await rowsAfter(site, seq), rows, `${what}: rows of the log`);
  }
}

/** Who comes through meets the example's answer; an operator elsewhere finds nothing of what the request names. */
async function tryPassing(site: TestSite, route: RouteEntry, column: Column, groups: Groups): Promise<void> {
  const what = `${nameOf(route)} as ${column.name}`;
  const kind = route.kind === "page" ? "browser" : "api";
  const { client, caller } = await become(site, column, kind, groups);
  const request = await requestFor(route, site, caller);
  await placeHosts(site, groups);
  const foreign = await foreignTo(site, groups);
  const opens = stages[nameOf(route)];
  const elsewhere = column.group === "there" && route.access.role !== "anonymous";
  const names_foreign = elsewhere && foreign.ids.some((id) => textOf(request).includes(id));
  const before = names_foreign ? await contentsOf(site.database.sql) : null;
  const answer = await client.send(request);
  if (elsewhere) assertSilent(what, request, answer, foreign);
  if (before) {
    assert.equal(answer.status, 404, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
    assert.deepEqual(await contentsOf(site.database.sql), before, `${what}: found nothing, and changed something`);
    return;
  }
  // A step of signing in, for somebody who has taken it already: it leads on, or says so.
  if (opens && opens !== (column.stage ?? "full")) return assert.ok(answer.status < 500, what);
  assertMet(what, route, "passes", answer);
}

/** Routes that share a database: every one adds people and groups, and what has to be compared grows. */
const ROUTES_PER_SITE = 12;

/**
 * Walks the route table: what the declaration of each route and the specification say is what everybody meets.
 * MATRIX_ONLY in the environment is an expression that the names of routes must fit, for somebody who looks at one.
 * @returns how many pairs of route and caller were tried
 */
export async function walkMatrix(t: Deno.TestContext, kinds: readonly RouteKind[]): Promise<number> {
  const only = new RegExp(Deno.env.get("MATRIX_ONLY") ?? "");
  const routes = productRoutes().filter((route) => kinds.includes(route.kind) && !lacksExample(route))
    .filter((route) => only.test(nameOf(route)));
  let tried = 0;
  for (let at = 0; at < routes.length; at += ROUTES_PER_SITE) {
    await using site = await emptySite();
    const { user_id } = await site.signIn("admin");
    await changeSetting(site.database.sql, user_id, "enrolment.rate_per_minute", 1_000, callerContext({ id: user_id }));
    const groups = await twoGroups(site);
    for (const route of routes.slice(at, at + ROUTES_PER_SITE)) {
      await t.step(nameOf(route), async () => void (tried += await tryAll(site, route, groups)));
    }
  }
  return tried;
}

async function tryAll(site: TestSite, route: RouteEntry, groups: Groups): Promise<number> {
  // Where nobody is asked who they are, strangers of every kind and one friend are enough.
  const open = route.access.role === "anonymous";
  const all = columns.filter(({ name, role }) => !open || role === null || name === "admin")
    .map((column) => ({ column, meeting: expectation(route, column, stages[nameOf(route)]) }));
  await tryRefused(site, route, all.filter(({ meeting }) => meeting !== "passes"), groups);
  for (const { column, meeting } of all) {
    if (meeting === "passes") await tryPassing(site, route, column, groups);
  }
  return all.length;
}
