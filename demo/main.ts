import { resolve } from "node:path";
import { words } from "../cli/program.ts";
import { build } from "../scripts/build.ts";
import { startEmbedded } from "../core/database/embedded.ts";
import { type AddressRange, choosePort, chooseRange } from "./address_range.ts";
import { stopLeftDatabase, stopLeftovers } from "./child.ts";
import { demoTokens, pollEverybody } from "./database.ts";
import { followFleet } from "./fleet_news.ts";
import { followLog } from "./follow_log.ts";
import { enrolRealHost, makeSandbox, REAL_HOST_NAME, startRealHost, startSimulatedHosts } from "./hosts.ts";
import { type Manager, startManager } from "./manager.ts";
import { runOnce } from "./once.ts";
import { type DemoOptions, DemoUsage, readOptions, USAGE } from "./options.ts";
import { sandboxMissing } from "./sandbox.ts";
import { type DemoApp, demoApp, sayCodesOnEnter, sayFactor } from "./second_factor.ts";
import { defaultState, emptyState, openState, temporaryState } from "./state_folder.ts";
import { Stopping } from "./stopping.ts";
import { bold, dim, endSteps, red, say, step, yellow } from "./words.ts";

/** Exit codes: 0 stopped as asked or `--once` went well, 1 it did not, 2 this machine or the command line cannot. */
async function main(args: string[]): Promise<number> {
  let options: DemoOptions | "help";
  try {
    options = readOptions(args);
  } catch (thrown) {
    if (!(thrown instanceof DemoUsage)) throw thrown;
    console.error(`${thrown.message}\n\n${USAGE}`);
    return 2;
  }
  if (options === "help") return say(USAGE), 0;
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    say(`The demo's database is made for Linux with glibc on x86-64, this is ${Deno.build.target}.`);
    return 2;
  }
  const stopping = new Stopping();
  stopping.listen();
  const code = await Promise.race([run(options, stopping), stopping.signal]).catch(async (thrown) => {
    // Ctrl-C reaches what we started too, and what it ends there may be heard of before our own signal.
    if (await stopping.isAsked()) return null;
    endSteps();
    say(`\n${red("The demo cannot go on.")} ${words(thrown)}`);
    return 1;
  });
  if (code === null) {
    endSteps();
    say("\nStopping …");
  }
  const stopped = await stopping.everything();
  if (!stopped) return 1;
  if (code !== null) return code;
  if (options.once) return 1;
  say("Everything has stopped. Its state is kept for the next start.");
  return 0;
}

async function run(options: DemoOptions, stopping: Stopping): Promise<number> {
  say(bold("Linux Patch Manager, demo"));
  const temporary = options.once && options.state === null;
  const state = temporary ? await temporaryState() : options.state ?? defaultState();
  if (temporary) {
    say(dim(`State in ${state}, removed at the end`));
    stopping.after(() => Deno.remove(state, { recursive: true }));
  }
  const lock = await openState(state);
  stopping.after(() => Promise.resolve(lock.close()));
  const leftovers = await stopLeftovers(state);
  if (leftovers.length > 0) say(`${yellow("!")} An earlier demo was killed; what it left running is ended now.`);
  if (options.reset) {
    await stopLeftDatabase(state);
    await emptyState(state);
  }
  const port = await choosePort(options.port, options.once);
  const range = await chooseRange(state);
  const root = resolve(import.meta.dirname!, "..");
  const started = stopping.started.bind(stopping);
  const missing = await sandboxMissing();
  stopping.grouped();
  // Beside the manager's start: both wait for the disk more than for the processor.
  const sandbox = missing === null ? makeSandbox(state) : Promise.resolve(false);
  // It is awaited below; a stop before that waits for it too, so that apt does not write into a folder that goes.
  const made = sandbox.then(() => {}, () => {});
  stopping.after(() => made);
  const starting = startEmbedded(state);
  stopping.after(() => starting.then((database) => database.stop(), () => {}));
  const database = await step(
    "PostgreSQL",
    () => starting,
    ({ adopted }) =>
      adopted ? "PostgreSQL of a killed demo, taken over" : "PostgreSQL, embedded, on a socket of its own",
  );
  stopping.goOn();
  await step("Pages, islands and styles are built", () => build({ root }));
  stopping.goOn();
  const manager = await step(
    "Manager runs: schema, internal CA, web role and fleet role with their production permissions",
    () => startManager({ state, port, database, range, started }),
  );
  stopping.goOn();
  const app = await demoApp(database, `${state}/manager`);
  if (missing) say(`${yellow("!")} The real host is left out: ${missing}.`);
  else await step("Sandbox with this machine's own apt and dpkg, updates pending", () => sandbox);
  stopping.goOn();
  const hosts = { root, state, manager, range, started };
  if (options.once) {
    return await runOnce({ ...hosts, hosts: options.hosts, seed: options.seed, real: missing === null, app });
  }
  stopping.goOn();
  const tokens = (count: number) => demoTokens(database, count);
  if (!missing) {
    await step(`Real host ${REAL_HOST_NAME} is enrolled, its agent and executor run`, async () => {
      await enrolRealHost({ ...hosts, tokens });
      await startRealHost({ ...hosts, tokens });
    });
  }
  stopping.goOn();
  if (options.hosts > 0) {
    await step(
      `${options.hosts} simulated hosts run, marked as simulated everywhere`,
      () => startSimulatedHosts({ ...hosts, tokens }, options.hosts, options.seed),
    );
  }
  stopping.goOn();
  await pollEverybody(database);
  await invite(manager, app, state, range, missing === null);
  sayCodesOnEnter(app);
  const print = (line: string) => say(dim(line));
  const unfollow = [followLog(manager.child.log, print), await followFleet(database, print)];
  stopping.before(async () => void await Promise.all(unfollow.map((end) => end())));
  const ended = await stopping.firstEnd;
  throw new Error(`${ended.name} has ended by itself. What it said last is in ${ended.log}.`);
}

async function invite(
  manager: Manager,
  app: DemoApp | null,
  state: string,
  range: AddressRange,
  real: boolean,
): Promise<void> {
  const password = await Deno.readTextFile(manager.initial_password_file).then((text) => text.trim(), () => null);
  say();
  say(`  Open      ${bold(manager.url)}   ${dim("its certificate is from the demo's own CA: accept it once")}`);
  say(`  User      ${bold("admin")}`);
  if (password) say(`  Password  ${bold(password)}   ${dim("you choose your own at the first login")}`);
  else say(`  Password  the one that you chose   ${dim("forgotten? start with --reset")}`);
  sayFactor(app);
  if (real) say(`  Try       open ${REAL_HOST_NAME}, dry run its security updates, apply them, watch`);
  say(`  State     ${state}   ${dim(`hosts answer on ${range.network}`)}`);
  say();
  say(`Ctrl-C stops everything and keeps the state. What happens to the fleet follows here.`);
  say();
}

Deno.exit(await main(Deno.args));
