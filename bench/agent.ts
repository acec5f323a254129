import { createApt } from "../agent/backends/apt.ts";
import { issueFor, listOf } from "../agent/renewal_fixture_test.ts";
import type { Answered } from "../agent/server/server_fixture_test.ts";
import { testFolder } from "../testing/test_folder.ts";
import { waitFor } from "../testing/wait_for.ts";
import { makeLargeHost } from "./agent_host.ts";
import { type AgentProcesses, startAgent } from "./agent_process.ts";
import { type Figure, spread, timeEach } from "./measure.ts";
import { forgetPeak, memoryOf, peakOf } from "./process_memory.ts";

const PACKAGES = 3_000;
const UPDATES = 200;
/** What the executor may reach in one call, and the network side. MiB. */
const EXECUTOR_MEMORY = 256;
const NETWORK_MEMORY = 192;

/** One call of agent-api.md, how often it is measured and how long 19 of 20 may take. */
interface Call {
  name: string;
  times: number;
  /** Ms. */
  target: number;
  work: (n: number) => Promise<unknown>;
}

/**
 * Each call of the agent on a large host, as the manager makes it: over TLS with certificates, through both real
 * processes with their own rights. Beside the time: the most memory that each process had while it was answered.
 */
export async function benchAgent(): Promise<Figure[]> {
  await using folder = await testFolder("b-");
  const host = await makeLargeHost(folder.path, PACKAGES, UPDATES);
  await using agent = await startAgent(folder.path, host.root);
  const size = `${PACKAGES.toLocaleString("en")} packages, ${UPDATES} updates`;
  const figures: Figure[] = [
    { name: "agent: executor from start to its first answer", value: agent.ready, unit: "ms", target: 2_000 },
    { name: "agent: executor's memory at its start", value: memoryOf(agent.executor), unit: "MiB", target: 128 },
    { name: "agent: network side's memory at its start", value: memoryOf(agent.network), unit: "MiB", target: 128 },
  ];
  // The first list after a start, without apt's caches: what the manager's first poll waits for.
  for (const name of ["pkgcache.bin", "srcpkgcache.bin"]) {
    await Deno.remove(`${host.root}/var/cache/apt/${name}`).catch(() => {});
  }
  const first = { name: `GET /patches, first (${size})`, times: 1, target: 5_000, work: () => readList(agent) };
  figures.push(...await measureCall(agent, first));
  for (const calls of [readingCalls, changingCalls]) {
    for (const call of await calls(agent)) figures.push(...await measureCall(agent, call));
  }
  const apt = createApt({ root: host.root, lock_timeout_seconds: 1 });
  const choice = { packages: null, versions: {}, new_packages: null, security_only: true };
  const plans = await timeEach(5, () => apt.plan(choice));
  figures.push(...spread("agent: plan of the security updates", plans, 4_000));
  return figures;
}

async function measureCall({ executor, network }: AgentProcesses, call: Call): Promise<Figure[]> {
  forgetPeak(executor);
  forgetPeak(network);
  const times = await timeEach(call.times, call.work);
  const name = `agent: ${call.name}`;
  return [
    ...spread(name, times, call.target),
    { name: `${name}, executor at most`, value: peakOf(executor), unit: "MiB", target: EXECUTOR_MEMORY },
    { name: `${name}, network side at most`, value: peakOf(network), unit: "MiB", target: NETWORK_MEMORY },
  ];
}

/** Asks, and takes no other answer than this one: a figure for a refusal would be no figure. */
async function ask(
  { client }: AgentProcesses,
  call: string,
  { status = 200, body, headers }: { status?: number; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const [method, path] = call.split(" ");
  const answer = await client.call(method, path.replace(/^(?!\/health)/, "/api/v1"), body, headers);
  if (answer.status !== status) throw new Error(`${call}: ${answer.status} instead of ${status}: ${answer.text}`);
  return answer;
}

async function readList(agent: AgentProcesses): Promise<Answered> {
  const answer = await ask(agent, "GET /patches");
  const { total } = answer.json.data;
  if (total < UPDATES) throw new Error(`The list has ${total} updates, not at least ${UPDATES}.`);
  return answer;
}

async function readingCalls(agent: AgentProcesses): Promise<Call[]> {
  const get = (path: string, times: number, target: number, status = 200): Call => ({
    ...{ name: `GET ${path}`, times, target },
    work: () => ask(agent, `GET ${path}`, { status }),
  });
  const tag = String((await readList(agent)).headers.etag);
  const unchanged = { status: 304, headers: { "if-none-match": tag } };
  return [
    get("/health", 20, 500),
    get("/system/info", 20, 500),
    get("/packages", 10, 4_000),
    get("/packages?status=upgradable", 10, 4_000),
    get("/packages/curlew", 10, 4_000),
    { name: "GET /patches, again", times: 10, target: 4_000, work: () => readList(agent) },
    {
      name: "GET /patches, unchanged (304)",
      times: 10,
      target: 4_000,
      work: () => ask(agent, "GET /patches", unchanged),
    },
    { ...get("/patches?max_index_age=0", 3, 10_000), name: "GET /patches with a refresh" },
    { ...get("/system/services/ssh", 20, 100, 404), name: "GET /system/services/{}, unknown" },
    { name: "WS /ws/jobs, to its first event", times: 10, target: 200, work: () => connectEvents(agent) },
  ];
}

/** What starts jobs and what is asked about them; each job is at its end before the next is ordered. */
async function changingCalls(agent: AgentProcesses): Promise<Call[]> {
  const dry_run = { dry_run: true };
  let done = "";
  const old: string[] = [];
  for (let n = 0; n < 5; n++) old.push(await endOf(agent, await order(agent, "/system/repair", { dry_run: true })));
  const forget = (n: number) => ask(agent, `DELETE /jobs/${old[n]}`);
  return [
    {
      name: "POST /patches/apply, one package",
      ...{ times: 1, target: 15_000 },
      work: async () => {
        done = await endOf(agent, await order(agent, "/patches/apply", { packages: ["curlew"] }));
      },
    },
    {
      name: "POST /patches/apply, dry run of all",
      ...{ times: 3, target: 10_000 },
      work: async () => await endOf(agent, await order(agent, "/patches/apply", dry_run)),
    },
    { name: "GET /jobs", times: 20, target: 100, work: () => ask(agent, "GET /jobs") },
    { name: "GET /jobs/{}", times: 20, target: 100, work: () => ask(agent, `GET /jobs/${done}`) },
    { name: "DELETE /jobs/{}", times: old.length, target: 100, work: forget },
    { name: "POST /jobs/{}/cancel", times: 3, target: 5_000, work: () => cancelOne(agent) },
    {
      name: "POST /jobs/{}/rollback, dry run",
      ...{ times: 3, target: 10_000 },
      work: async () => await endOf(agent, await order(agent, `/jobs/${done}/rollback`, { dry_run: true })),
    },
    {
      name: "POST /system/repair, dry run",
      ...{ times: 3, target: 10_000 },
      work: async () => await endOf(agent, await order(agent, "/system/repair", { dry_run: true })),
    },
    { name: "POST /system/reboot and its cancel", times: 3, target: 5_000, work: () => rebootOnce(agent) },
    ...certificateCalls(agent),
  ];
}

function certificateCalls(agent: AgentProcesses): Call[] {
  const { pki } = agent.manager;
  return [
    {
      name: "POST /certificate/csr, PUT /certificate",
      ...{ times: 3, target: 1_000 },
      work: async () => {
        const { csr_pem } = (await ask(agent, "POST /certificate/csr")).json.data;
        const { certificate_pem } = await issueFor(pki, csr_pem);
        await ask(agent, "PUT /certificate", { body: { server_crt: certificate_pem } });
        // The first request with the new one confirms it.
        await ask(agent, "GET /health");
      },
    },
    {
      name: "PUT /crl",
      ...{ times: 5, target: 500 },
      work: async (n) => {
        const crl_pem = await listOf(pki, [], BigInt(1_000 + n));
        await ask(agent, "PUT /crl", { body: { crl_pem } });
      },
    },
  ];
}

async function order(agent: AgentProcesses, path: string, body: unknown): Promise<string> {
  return (await ask(agent, `POST ${path}`, { status: 202, body })).json.data.job_id;
}

/** Waits until the job has ended, by asking. @throws Error when the job did not do what it should */
async function endOf(agent: AgentProcesses, id: string, wanted = "completed"): Promise<string> {
  const job = await waitFor("the job's end", async () => {
    const { data } = (await ask(agent, `GET /jobs/${id}`)).json;
    return data.completed_at ? data : null;
  }, { deadline_ms: 120_000, every_ms: 100 });
  if (job.status !== wanted) throw new Error(`The job ended as ${job.status}: ${job.error}`);
  return id;
}

/** An order of everything, taken back while it is planned. */
async function cancelOne(agent: AgentProcesses): Promise<void> {
  const id = await order(agent, "/patches/apply", { packages: ["heron-database"] });
  await ask(agent, `POST /jobs/${id}/cancel`, { status: 202 });
  await endOf(agent, id, "cancelled");
}

async function rebootOnce(agent: AgentProcesses): Promise<void> {
  const id = await order(agent, "/system/reboot", { delay_seconds: 3_600 });
  await ask(agent, `POST /jobs/${id}/cancel`, { status: 202 });
  await endOf(agent, id, "cancelled");
}

async function connectEvents({ client }: AgentProcesses): Promise<void> {
  const socket = client.socket();
  const { event } = await socket.next();
  await socket.end();
  if (event !== "connected") throw new Error(`The socket began with ${event}.`);
}
