import { cpus, release, totalmem } from "node:os";
import { benchAgent } from "./agent.ts";
import { benchFleet } from "./fleet.ts";
import { benchLogin } from "./login.ts";
import type { Figure } from "./measure.ts";

/** Every figure by the name that chooses it: `deno task bench login`. */
const benches: Record<string, () => Promise<Figure[]>> = { login: benchLogin, fleet: benchFleet, agent: benchAgent };

const asked = Deno.args.length > 0 ? Deno.args : Object.keys(benches);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(", ")}. There are: ${Object.keys(benches).join(", ")}.`);
  Deno.exit(2);
}
console.log(
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB, Linux ${release()}, Deno ${Deno.version.deno}\n`,
);
for (const name of asked) {
  for (const { work, measured, target } of await benches[name]()) {
    console.log(`${work.padEnd(56)} ${measured.padEnd(34)} target: ${target}`);
  }
}
