import assert from "node:assert/strict";
import { uuidv7 } from "../core/ids.ts";
import {
  examples,
  makeEnrolment,
  makeGroup,
  makeHost,
  makeJob,
  makeRollbackJob,
  ownAddress,
} from "../testing/api_examples.ts";
import { TEST_PASSWORD, type TestSite, testSite } from "../testing/site.ts";

interface Form {
  path: string;
  fields?: [string, string][];
}

/** Routes that change nothing that the log is about, each with why. Whatever else takes more than GET leaves a row. */
const SILENT: Record<string, string> = {
  "POST /preferences": "theme and rail lie in the browser's cookies",
  "POST /api/v1/auth/refresh": "the same session goes on; its end and a copied token are rows",
  "POST /api/v1/ws/ticket": "opens a page's own socket for a minute",
  "POST /api/v1/jobs/preview": "reads only",
  "POST /api/v1/hosts/refresh": "a host is asked sooner than it would be anyway",
  "POST /api/v1/hosts/:id/refresh": "a host is asked sooner than it would be anyway",
  "POST /hosts/:id/refresh": "a host is asked sooner than it would be anyway",
};

const ofHost = (tail: string, fields: [string, string][] = []) => async (site: TestSite): Promise<Form> => ({
  path: `/hosts/${await makeHost(site)}/${tail}`,
  fields,
});
const ofEnrolment = (tail: string) => async (site: TestSite): Promise<Form> => ({
  path: `/enrolments/${await makeEnrolment(site)}/${tail}`,
});
const ofGroup = (tail: string, field?: "host" | "user") => async (site: TestSite): Promise<Form> => {
  const { group_id, host_id, user_id } = await makeGroup(site);
  const fields: [string, string][] = field ? [[field, field === "host" ? host_id : user_id]] : [];
  // Who would see more is asked first; the second form says that it was told.
  return {
    path: `/groups/${group_id}${tail}`,
    fields: [...fields, ["told", "1"], ["opened", "1"], ["name", `Rack ${uuidv7()}`]],
  };
};

/** A good form for every page that changes something. */
const forms: Record<string, (site: TestSite) => Form | Promise<Form>> = {
  "POST /deploy": async (site) => {
    const fields: [string, string][] = [["host", await makeHost(site)], ["offer", "openssl 2.0"], ["kind", "dry_run"]];
    return { path: "/deploy", fields: [...fields, ["key", uuidv7()]] };
  },
  "POST /enrolments": () => ({ path: "/enrolments", fields: [["label", "rack 4"]] }),
  "POST /enrolments/:id/approve": ofEnrolment("approve"),
  "POST /enrolments/:id/deny": ofEnrolment("deny"),
  "POST /enrolments/tokens/:id/revoke": async (site) => {
    const admin = await site.signIn("admin");
    const { json } = await admin.post("/api/v1/enrolment-tokens", { count: 1 });
    return { path: `/enrolments/tokens/${json.items[0].id}/revoke` };
  },
  "POST /groups": () => ({ path: "/groups", fields: [["name", `Rack ${uuidv7()}`], ["description", ""]] }),
  "POST /groups/:id": ofGroup(""),
  "POST /groups/:id/add-hosts": async (site) => {
    const { group_id } = await makeGroup(site);
    return { path: `/groups/${group_id}/add-hosts`, fields: [["host", await makeHost(site)]] };
  },
  "POST /groups/:id/add-users": async (site) => {
    const { group_id } = await makeGroup(site);
    return { path: `/groups/${group_id}/add-users`, fields: [["user", (await site.signIn("operator")).user_id]] };
  },
  "POST /groups/:id/delete": ofGroup("/delete"),
  "POST /groups/:id/remove-hosts": ofGroup("/remove-hosts", "host"),
  "POST /groups/:id/remove-users": ofGroup("/remove-users", "user"),
  "POST /hosts/new": () => ({ path: "/hosts/new", fields: [["address", ownAddress()], ["port", "12443"]] }),
  "POST /hosts/:id/edit": ofHost("edit", [["display_name", "Build server"], ["tags", "ci"], ["notes", ""]]),
  "POST /hosts/:id/reboot": ofHost("reboot", [["delay", "120"], ["reason", "kernel"]]),
  "POST /hosts/:id/refresh": ofHost("refresh"),
  "POST /hosts/:id/remove": ofHost("remove"),
  "POST /hosts/:id/repair": ofHost("repair", [["reason", "dpkg was interrupted"]]),
  "POST /jobs/:id/cancel": async (site) => ({
    path: `/jobs/${(await makeJob(site, "queued")).job_id}/cancel`,
    fields: [["reason", "not today"]],
  }),
  "POST /jobs/:id/retry": async (site) => ({ path: `/jobs/${(await makeJob(site, "failed")).job_id}/retry` }),
  "POST /jobs/:id/rollback": async (site) => {
    const { job_id, host_id } = await makeRollbackJob(site);
    return { path: `/jobs/${job_id}/rollback`, fields: [["host", host_id], ["reason", "broken"]] };
  },
  "POST /audit/verify": () => ({ path: "/audit/verify" }),
  "POST /preferences": () => ({ path: "/preferences", fields: [["theme", "dark"], ["back", "/hosts"]] }),
  "POST /login": async (site) => {
    const { username } = await site.signIn("auditor");
    return { path: "/login", fields: [["username", username], ["password", TEST_PASSWORD], ["next", "/hosts"]] };
  },
  "POST /logout": () => ({ path: "/logout" }),
  "POST /password": () => {
    const fields: [string, string][] = [["current_password", TEST_PASSWORD]];
    for (const name of ["new_password", "repeated_password"]) fields.push([name, "meadow-copper-thirteen-owls"]);
    return { path: "/password", fields };
  },
};

/** Every route that is no reading. The upgrade and the static files take GET only. */
const changing = (site: TestSite) => site.site.routeTable().filter(({ method }) => method !== "GET");

const rowsAfter = async ({ database }: TestSite, seq: number) =>
  (await database.sql`select seq, action, outcome, actor_id, request_id from audit_log where seq > ${seq} order by seq`)
    .filter(({ action }) => action !== "job.end");

Deno.test("every route that changes something says which row it leaves, or here why it leaves none", async () => {
  await using site = await testSite();
  const names = changing(site).map(({ method, pattern }) => `${method} ${pattern}`);
  for (const route of changing(site)) {
    const name = `${route.method} ${route.pattern}`;
    assert.ok(forms[name] ?? examples[name], `${name}: add it to the forms above, or to testing/api_examples.ts`);
    assert.equal(route.access.audit === null, Object.hasOwn(SILENT, name), `${name}: row ${route.access.audit}`);
  }
  for (const name of [...Object.keys(forms), ...Object.keys(SILENT)]) {
    assert.ok(names.includes(name), `${name} is gone`);
  }
});

Deno.test("a good form leaves exactly its row, with who and with the request; one that is refused by role its denial", async () => {
  await using site = await testSite();
  const send = async (role: "admin" | "auditor", form: Form) => {
    const caller = await site.signIn(role, { kind: "browser" });
    const body = new URLSearchParams(form.fields ?? []).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const [{ seq }] = await site.database.sql`select seq from audit_head`;
    const answer = await caller.send({ method: "POST", path: form.path, headers, body });
    return { answer, rows: await rowsAfter(site, seq), caller };
  };
  for (const route of changing(site).filter(({ kind }) => kind === "page")) {
    const name = `${route.method} ${route.pattern}`;
    const { audit, role } = route.access;
    const good = await send("admin", await forms[name](site));
    assert.ok(good.answer.status < 400, `${name}: ${good.answer.status} ${good.answer.text.slice(0, 400)}`);
    assert.deepEqual(good.rows.map(({ action }) => action), audit === null ? [] : [audit], name);
    for (const row of good.rows) {
      assert.equal(row.outcome, "success", name);
      assert.match(row.request_id, /^[0-9A-HJKMNP-TV-Z]{26}$/, name);
      if (role !== "anonymous") assert.equal(row.actor_id, good.caller.user_id, name);
    }
    if (role !== "admin" && role !== "operator") continue;
    const refused = await send("auditor", await forms[name](site));
    assert.equal(refused.answer.status, 403, name);
    assert.deepEqual(
      refused.rows.map(({ action, outcome, actor_id }) => [action, outcome, actor_id]),
      audit === null ? [] : [[audit, "denied", refused.caller.user_id]],
      name,
    );
  }
});

Deno.test("a login that fails is one row as well, and holds no password", async () => {
  await using site = await testSite();
  const { username } = await site.signIn("auditor");
  const [{ seq }] = await site.database.sql`select seq from audit_head`;
  await site.anonymous.post("/api/v1/auth/login", { username, password: "not-the-password-at-all" });
  await site.anonymous.post("/api/v1/auth/login", { username: "nobody.there", password: "not-the-password-at-all" });
  const rows = await rowsAfter(site, seq);
  assert.deepEqual(rows.map(({ action, outcome }) => [action, outcome]), [
    ["auth.login", "failure"],
    ["auth.login", "failure"],
  ]);
  const [{ text }] = await site.database.sql`
    select string_agg(convert_from(payload, 'UTF8'), '') as text from audit_log`;
  assert.ok(!text.includes("not-the-password"));
});
