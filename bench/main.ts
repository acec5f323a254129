import { cpus, loadavg, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchAgent } from "./agent.ts";
import { benchAudit } from "./audit.ts";
import { benchIngest } from "./ingest.ts";
import { benchLimits } from "./limits.ts";
import { benchLive } from "./live.ts";
import { benchLogin } from "./login.ts";
import { type Bench, jsonOf, tableOf } from "./measure.ts";
import { benchSweep } from "./sweep.ts";
import { benchViews } from "./views.ts";

/** Every bench by the name that chooses it, in the order in which they run. */
const benches: Record<string, Bench> = {
  limits: benchLimits,
  login: benchLogin,
  audit: benchAudit,
  views: benchViews,
  ingest: benchIngest,
  live: benchLive,
  agent: benchAgent,
  sweep: benchSweep,
};

const USAGE = `deno task bench [NAME…] [--hosts N] [--json]

Measures and prints every figure beside its target. Without names all of: ${Object.keys(benches).join(", ")}.

  --hosts N  hosts of the fleet, 10 to 10000 (2500)
  --json     one line of JSON for each figure: name, value, unit, target, machine`;

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { hosts: { type: "string", default: "2500" }, json: { type: "boolean" }, help: { type: "boolean" } },
});
const hosts = Number(values.hosts);
const unknown = asked.filter((name) => !(name in benches));
if (values.help || unknown.length > 0 || !Number.isInteger(hosts) || hosts < 10 || hosts > 10_000) {
  if (unknown.length > 0) console.error(`There is no bench ${unknown.join(", ")}.\n`);
  console.error(USAGE);
  Deno.exit(values.help ? 0 : 2);
}

/** With the load of the moment: on a busy machine a figure says as much of the others. */
function machine(): string {
  return `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `Linux ${release()}, Deno ${Deno.version.deno}, load ${loadavg()[0].toFixed(1)}`;
}

if (!values.json) console.log(`${machine()}\n`);
for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
  const before = machine();
  const started = performance.now();
  const figures = await benches[name]({ hosts });
  if (values.json) { for (const figure of figures) console.log(jsonOf(figure, before)); }
  else {
    const took = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${name} (${took} s, load ${loadavg()[0].toFixed(1)})`);
    for (const line of tableOf(figures)) console.log(`  ${line}`);
  }
}
