import { appendAudit } from "../core/audit/append_audit.ts";
import { signCheckpoints } from "../core/audit/sign_checkpoints.ts";
import { openSigningKey } from "../core/audit/signing_key.ts";
import { chainHash } from "../core/audit/walk_chain.ts";
import { MANAGER_HEAP } from "../cli/manager_command.ts";
import { systemClock } from "../core/clock.ts";
import { connect, type Sql, transaction } from "../core/database/connection.ts";
import { startEmbedded } from "../core/database/embedded.ts";
import { loadMigrations, migrate } from "../core/database/migrations.ts";
import { silentLog } from "../core/log.ts";
import type { TestLogin } from "../testing/database.ts";
import { testFolder } from "../testing/test_folder.ts";
import { benchExport } from "./audit_export.ts";
import { type BenchOptions, type Figure, spread, timeEach } from "./measure.ts";
import { peakOf } from "./process_memory.ts";

const ROWS = 4_000;
/** Callers at a time: they wait for each other at the chain's head. */
const AT_ONCE = 8;
/** Rows that are verified for a fleet of 2,500 hosts; other sizes in proportion. */
const VERIFIED = 1_000_000;
/** What a million rows may take. Seconds, and MiB of the whole process. */
const VERIFY_S = 15;
const VERIFY_MIB = 150;
/** Rows that are written at once. */
const BATCH = 10_000;

const ROOT = new URL("..", import.meta.url).pathname;

/** Rows of the audit chain on a durable database: each append is its own transaction, with its fsync. */
export async function benchAudit({ hosts }: BenchOptions): Promise<Figure[]> {
  await using folder = await testFolder("audit-");
  const server = await startEmbedded(folder.path);
  try {
    const sql = await connect({ url: server.url("patch_owner"), max: AT_ONCE });
    try {
      await migrate(sql, await loadMigrations(`${ROOT}migrations`));
      const appended = await benchAppend(sql);
      const rows = Math.round(VERIFIED * hosts / 2_500);
      await fill(sql, rows);
      await sign(sql, folder.path);
      const url = (login: TestLogin) => server.url(login);
      const verified = await benchVerify(url("patch_owner"), folder.path, rows);
      // Starting the web role appends rows of its own.
      const exported = await benchExport({ folder: folder.path, sql, url }, rows);
      return [...appended, ...verified, ...exported, ...await benchVerifyExport(folder.path, rows)];
    } finally {
      await sql.end({ timeout: 5 });
    }
  } finally {
    await server.stop();
  }
}

async function benchAppend(sql: Sql): Promise<Figure[]> {
  const entry = {
    actor: { kind: "system" as const, name: "bench" },
    ...{ address: "192.0.2.1", request_id: null, action: "host.refresh", object: null },
    ...{ outcome: "success" as const, details: { hosts: ["web-1.example.org", "web-2.example.org"] } },
  };
  const append = () => transaction(sql, (tx) => appendAudit(tx, entry, systemClock));
  const alone = await timeEach(200, append);
  const started = performance.now();
  let left = ROWS;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await append();
  }));
  const a_second = ROWS / ((performance.now() - started) / 1000);
  return [
    ...spread("audit: append, one after another, with fsync", alone, null),
    { name: "audit: append, 8 at once", value: a_second, unit: "a second", target: null },
  ];
}

/**
 * Rows of an ordinary deployment, until there are so many, as audit_append() leaves them: one is appended by it, the others
 * are like that one. A million calls of it take ten minutes, and what a call takes is measured already.
 */
async function fill(sql: Sql, rows: number): Promise<void> {
  const id = "01a1fd45-997f-785d-89ae-7faf93555909";
  const payload = JSON.stringify({
    action: "job.create",
    actor: { id, kind: "user", name: "alice.example" },
    address: "192.0.2.1",
    details: { hosts: ["web-1.example.org", "web-2.example.org"], packages: ["linux-image-amd64", "openssl", "libc6"] },
    object: { id, kind: "job", name: "Apply 3 updates to 2 hosts" },
    outcome: "success",
    request_id: "01JD0000000000000000000000",
    time: "2026-11-20T10:00:00.000Z",
  });
  await sql`select audit_append(convert_to(${payload}, 'UTF8'))`;
  const [head] = await sql`select seq::int, encode(hash, 'hex') as hash from audit_head`;
  const sample: number = head.seq;
  let { seq, hash }: { seq: number; hash: string } = head as never;
  while (seq < rows) {
    const seqs: number[] = [], previous: string[] = [], hashes: string[] = [];
    while (seq < rows && seqs.length < BATCH) {
      previous.push(hash);
      seqs.push(++seq);
      hashes.push(hash = chainHash(seq, hash, payload));
    }
    await sql`
      insert into audit_log
        (seq, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id, outcome,
         payload, previous_hash, hash)
      select v.seq, s.at, s.actor_kind, s.actor_id, s.actor_name, s.address, s.request_id, s.action, s.object_kind,
        s.object_id, s.outcome, s.payload, decode(v.previous, 'hex'), decode(v.hash, 'hex')
      from unnest(${seqs}::bigint[], ${previous}::text[], ${hashes}::text[]) v (seq, previous, hash)
      join audit_log s on s.seq = ${sample}`;
  }
  await sql`update audit_head set seq = ${seq}, hash = decode(${hash}, 'hex')`;
}

/** As the manager does, so that a checkpoint stands for each thousand rows. */
async function sign(sql: Sql, folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/state/pki`, { recursive: true, mode: 0o700 });
  const { signer, keys } = await openSigningKey(`${folder}/state/pki`);
  await signCheckpoints(sql, { signer, keys, folder: `${folder}/state/audit` }, systemClock, silentLog);
}

/** The command itself, in a process of its own, from its start to its end. */
async function benchVerify(url: string, folder: string, rows: number): Promise<Figure[]> {
  const env = { DATABASE_URL: url, PATCH_MANAGER__STATE__DIRECTORY: `${folder}/state` };
  const { verdict, ...figures } = await verifyCommand([], env);
  if (verdict.rows !== rows) throw new Error(`The chain has other rows: ${JSON.stringify(verdict)}`);
  const name = `audit: verify ${rows.toLocaleString("en")} rows with ${verdict.checkpoints} checkpoints`;
  return figuresOf(name, figures, rows);
}

/** The same without the database: the export, the public keys and the files with the checkpoints. */
async function benchVerifyExport(folder: string, rows: number): Promise<Figure[]> {
  const state = `${folder}/state`;
  const [file] = await Array.fromAsync(Deno.readDir(`${state}/audit`), ({ name }) => `${state}/audit/${name}`);
  const args = [`--export=${folder}/export.json`, `--keys=${state}/pki/audit.pub`, `--checkpoints=${file}`];
  const { verdict, ...figures } = await verifyCommand(args, {});
  if (verdict.rows < rows) throw new Error(`The export lacks rows: ${JSON.stringify(verdict)}`);
  return figuresOf(`audit: verify the export of ${rows.toLocaleString("en")} rows`, figures, rows);
}

interface Verified {
  verdict: { rows: number; checkpoints: number };
  /** Seconds of the whole command, and the most MiB that it had. */
  seconds: number;
  peak: number;
}

async function verifyCommand(args: string[], env: Record<string, string>): Promise<Verified> {
  const started = performance.now();
  const command = ["run", "-q", "-A", MANAGER_HEAP, `--config=${ROOT}deno.json`, `${ROOT}main.ts`, "verify", "audit"];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command, "--json", ...args],
    env,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let peak = 0;
  const watch = setInterval(() => {
    try {
      peak = Math.max(peak, peakOf(child.pid));
    } catch {
      // It has just ended.
    }
  }, 50);
  const { stdout } = await child.output();
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  const verdict = JSON.parse(new TextDecoder().decode(stdout));
  if (!verdict.intact) throw new Error(`The chain is broken: ${JSON.stringify(verdict)}`);
  return { verdict, seconds, peak };
}

function figuresOf(name: string, { seconds, peak }: Omit<Verified, "verdict">, rows: number): Figure[] {
  return [
    { name: `${name}, whole command`, value: seconds, unit: "s", target: VERIFY_S * rows / VERIFIED },
    { name: `${name}, most memory`, value: peak, unit: "MiB", target: VERIFY_MIB },
  ];
}
