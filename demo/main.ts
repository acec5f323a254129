import { startEmbedded } from "../core/database/embedded.ts";
import { reason } from "../core/errors.ts";
import { build } from "../scripts/build.ts";
import { programAt } from "../cli/program.ts";
import { chooseRange, isFree } from "./address_range.ts";
import { type Child, stopLeftovers } from "./child.ts";
import { demoTokens } from "./database.ts";
import { followLog } from "./follow_log.ts";
import { enrolRealHost, type HostOptions, makeSandbox, REAL_HOST_NAME, startRealHost, startSimulatedHosts } from "./hosts.ts";
import { startManager } from "./manager.ts";
import { runOnce } from "./once.ts";
import { type DemoOptions, DemoUsage, readOptions, USAGE } from "./options.ts";
import { sandboxMissing } from "./sandbox.ts";
import { defaultState, openState } from "./state_folder.ts";
import { bold, dim, red, say, step, yellow } from "./words.ts";

/** Exit codes: 0 stopped as asked or `--once` went well, 1 it did not, 2 this machine or the command line cannot. */
async function main(args: string[]): Promise<number> {
  let options: DemoOptions | "help";
  try {
    options = readOptions(args, defaultState());
  } catch (thrown) {
    if (!(thrown instanceof DemoUsage)) throw thrown;
    console.error(`${thrown.message}\n\n${USAGE}`);
    return 2;
  }
  if (options === "help") return say(USAGE), 0;
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    say("The demo's database runs on Linux with glibc on x86-64 only; point DATABASE_URL of a manager at PostgreSQL 16 instead.");
    return 2;
  }
  const stop = new Stop();
  try {
    return await run(options, stop);
  } catch (thrown) {
    if (stop.asked) return 0;
    say(`\n${red("The demo cannot go on.")} ${reason(thrown)}`);
    return 1;
  } finally {
    await stop.everything();
  }
}

async function run(options: DemoOptions, stop: Stop): Promise<number> {
  const { state, port } = options;
  using _lock = await openState(state, options.reset);
  const leftovers = await stopLeftovers(state);
  if (leftovers.length > 0) say(`${yellow("!")} An earlier demo was killed; its ${leftovers.join(", ")} ended now.`);
  if (!await isFree("127.0.0.1", port)) {
    throw new Error(`Port ${port} is taken by another program. Choose another one with --port.`);
  }
  const { root } = programAt(new URL("../main.ts", import.meta.url).href);
  say(bold("Linux Patch Manager, demo"));
  const database = await step("PostgreSQL", () => startEmbedded(state), ({ adopted }) =>
    adopted ? "PostgreSQL of the last start, taken over" : "PostgreSQL, embedded");
  stop.last(() => database.stop());
  await step("Pages and styles", () => build({ root }));
  const range = await chooseRange(state);
  const manager = await step(
    "Manager: schema, internal CA, both roles with their production permissions",
    () => startManager({ state, port, database, range }),
  );
  stop.child(manager.child);
  const hosts: HostOptions = { root, state, manager, range, tokens: (count) => demoTokens(database, count) };
  const missing = await sandboxMissing();
  if (options.once) return await runOnce({ ...hosts, manager, options, missing, stop: (child) => stop.child(child) });
  if (missing) say(`${yellow("!")} The real host is left out: ${missing}.`);
  else {
    await step("Real host: a sandbox with this machine's own apt and dpkg", () => makeSandbox(state));
    await step("Real host: enrolled, its agent runs", async () => {
      await enrolRealHost(hosts);
      for (const child of await startRealHost(hosts)) stop.child(child);
    });
  }
  if (options.hosts > 0) {
    await step(`${options.hosts} simulated hosts`, async () => {
      stop.child(await startSimulatedHosts(hosts, options.hosts, options.seed));
    });
  }
  await invite(manager, state, missing === null);
  const unfollow = followLog(manager.child.log, (line) => say(dim(line)));
  const ended = await Promise.race([stop.signal, stop.firstEnd()]);
  unfollow();
  if (ended === null) return say("\nStopping …"), 0;
  throw new Error(`${ended.name} ended by itself. What it said last is in ${ended.log}.`);
}

async function invite(
  manager: { url: string; initial_password_file: string },
  state: string,
  real: boolean,
): Promise<void> {
  const password = await Deno.readTextFile(manager.initial_password_file).then((text) => text.trim(), () => null);
  say();
  say(`  Open      ${bold(manager.url)}   ${dim("(its certificate is from the demo's own CA: accept it once)")}`);
  say(`  User      ${bold("admin")}`);
  if (password) say(`  Password  ${bold(password)}   ${dim("one-time, you choose your own at the first login")}`);
  else say(`  Password  ${dim("the one that you chose; forgotten? start with --reset")}`);
  if (real) say(`  Try       ${dim(`open ${REAL_HOST_NAME}, dry run its security updates, apply them and watch`)}`);
  say(`  State     ${dim(state)}`);
  say();
  say(`Ctrl-C stops everything and keeps the state. What happens to the fleet follows here.`);
  say();
}

/** Stops everything once, in order: hosts, manager, database. */
class Stop {
  #children: Child[] = [];
  #last: (() => Promise<void>)[] = [];
  #signal = Promise.withResolvers<null>();
  #done: Promise<void> | undefined;
  asked = false;

  constructor() {
    // A terminal and a task runner both pass Ctrl-C on; whatever comes second is the same wish.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(name, () => {
        if (this.asked) return;
        this.asked = true;
        this.#signal.resolve(null);
        // Before everything runs nobody waits for the wish: then it ends here.
        setTimeout(() => void this.everything().then(() => Deno.exit(0)), 20_000);
      });
    }
  }

  get signal(): Promise<null> {
    return this.#signal.promise;
  }
  child(child: Child): void {
    this.#children.push(child);
  }
  last(work: () => Promise<void>): void {
    this.#last.push(work);
  }
  firstEnd(): Promise<Child> {
    return Promise.race(this.#children.map((child) => child.ended.then(() => child)));
  }
  everything(): Promise<void> {
    return this.#done ??= this.#stop();
  }
  async #stop(): Promise<void> {
    const [manager, ...hosts] = this.#children;
    await Promise.all(hosts.map((child) => child.stop()));
    await manager?.stop(25_000);
    for (const work of this.#last) await work().catch((thrown) => say(red(reason(thrown))));
  }
}

Deno.exit(await main(Deno.args));
