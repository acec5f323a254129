import { cpus, loadavg, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { readShare } from "../../agent/backends/simulated/shares.ts";
import { connect } from "../../core/database/connection.ts";
import { startEmbedded } from "../../core/database/embedded.ts";
import { build } from "../../scripts/build.ts";
import { testFolder } from "../test_folder.ts";
import { runSoak } from "./run.ts";
import { soakWords } from "./words.ts";

const USAGE = `Runs the fleet role as a process of its own against a simulated fleet and prints what it missed.

  --hours N            how long in the first undisturbed time (1); a fraction is fine: 0.25
  --after-minutes N    how long after the restart (10)
  --outage N           seconds without the fleet role between them (60)
  --hosts N            how many (2500)
  --seed N             (7)
  --health N           seconds between two health polls (300)
  --patches N          seconds between two patch polls (1800)
  --dead, --slow, --flaky, --fail-install SHARE (5% 5% 2% 5%)
  --release-minutes N  minutes between two new updates of a distribution (40)
  --json               the figures as one JSON value`;

const text = (value: string) => ({ type: "string", default: value } as const);
const { values } = parseArgs({
  options: {
    ...{ hours: text("1"), "after-minutes": text("10"), outage: text("60"), hosts: text("2500"), seed: text("7") },
    ...{ health: text("300"), patches: text("1800"), dead: text("5%"), slow: text("5%"), flaky: text("2%") },
    ...{ "fail-install": text("5%"), "release-minutes": text("40") },
    json: { type: "boolean" },
    help: { type: "boolean" },
  },
});

function number(name: keyof typeof values): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) stop(`--${name} has to be a number.`);
  return value;
}

function share(name: keyof typeof values): number {
  return readShare(String(values[name])) ?? stop(`--${name} has to be a share such as 5% or 0.05.`);
}

function stop(words: string): never {
  console.error(`${words}\n\n${USAGE}`);
  Deno.exit(2);
}

if (values.help) {
  console.log(USAGE);
  Deno.exit(0);
}
const say = (words: string) => console.error(words);
await using folder = await testFolder("soak-");
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
await build({ root });
const server = await startEmbedded(folder.path);
const sql = await connect({ url: server.url("patch_owner"), max: 2, application_name: "soak" });
try {
  const result = await runSoak({
    folder: folder.path,
    database: { sql, url: (login) => server.url(login) },
    hosts: number("hosts"),
    seed: number("seed"),
    shares: { dead: share("dead"), slow: share("slow"), flaky: share("flaky"), failing: share("fail-install") },
    release_minutes: number("release-minutes"),
    health_seconds: number("health"),
    patches_seconds: number("patches"),
    before_ms: number("hours") * 3_600_000,
    after_ms: number("after-minutes") * 60_000,
    outage_ms: number("outage") * 1_000,
    say,
  });
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Linux ${release()}, Deno ${Deno.version.deno}, load ${loadavg().map((one) => one.toFixed(1)).join(" ")}`;
  console.log(values.json ? JSON.stringify({ machine, ...result }) : `${machine}\n${soakWords(result)}`);
  if (result.missed + result.false_alarms.length + result.unnoticed.length > 0) Deno.exitCode = 1;
} finally {
  await sql.end({ timeout: 5 });
  await server.stop();
}
