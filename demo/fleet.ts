import { resolve } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { runSimulate } from "../agent/backends/simulated/simulate.ts";
import { parseCommand } from "../agent/command_line.ts";
import { words } from "../cli/program.ts";
import { startEmbedded } from "../core/database/embedded.ts";
import { build } from "../scripts/build.ts";
import { choosePort, chooseRange } from "./address_range.ts";
import { stopLeftDatabase, stopLeftovers } from "./child.ts";
import { demoTokens, pollEverybody } from "./database.ts";
import { FLEET_USAGE, type FleetCommand, type GivenManager, readFleetCommand } from "./fleet_options.ts";
import { startSimulatedHosts } from "./hosts.ts";
import { startManager } from "./manager.ts";
import { DemoUsage } from "./options.ts";
import { demoApp, sayCodesOnEnter, sayFactor } from "./second_factor.ts";
import { emptyState, openState } from "./state_folder.ts";
import { Stopping } from "./stopping.ts";
import { bold, dim, endSteps, red, say, step } from "./words.ts";

/** Exit codes: 0 stopped as asked, 1 something failed, 2 this machine or the command line cannot. */
async function main(args: string[]): Promise<number> {
  let command: FleetCommand | "help";
  try {
    command = readFleetCommand(args);
  } catch (thrown) {
    if (!(thrown instanceof DemoUsage)) throw thrown;
    console.error(`${thrown.message}\n\n${FLEET_USAGE}`);
    return 2;
  }
  if (command === "help") return say(FLEET_USAGE), 0;
  if (command.manager !== null) return await simulateTowards(command, command.manager);
  const stopping = new Stopping();
  stopping.listen();
  const failed = await Promise.race([runWithManager(command, stopping), stopping.signal]).catch((thrown) => {
    endSteps();
    say(`\n${red("The fleet cannot go on.")} ${words(thrown)}`);
    return true;
  });
  endSteps();
  if (!failed) say("\nStopping …");
  return await stopping.everything() && !failed ? 0 : 1;
}

function defaultFolder(): string {
  return `/var/tmp/patch-manager-fleet-${Deno.uid() ?? "user"}`;
}

/** In this process: there is nothing else to start. */
async function simulateTowards(command: FleetCommand, { url, fingerprint, tokens }: GivenManager): Promise<number> {
  const state = command.state ?? defaultFolder();
  const folder = `${state}/simulated`;
  using _lock = await openState(state);
  if (command.reset) await emptyState(state);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  return await runSimulate(
    parseCommand("simulate", [
      ...["--hosts", String(command.hosts), "--seed", String(command.seed), "--state", folder],
      ...["--manager", url, "--ca-fingerprint", fingerprint, "--base-address", command.base],
      ...tokens === null ? [] : ["--tokens", tokens],
      ...command.mix,
    ]),
    settings.version,
  );
}

async function runWithManager(command: FleetCommand, stopping: Stopping): Promise<never> {
  const { hosts, seed } = command;
  const state = command.state ?? defaultFolder();
  say(bold("Linux Patch Manager, simulated fleet"));
  const lock = await openState(state);
  stopping.after(() => Promise.resolve(lock.close()));
  await stopLeftovers(state);
  if (command.reset) {
    await stopLeftDatabase(state);
    await emptyState(state);
  }
  const port = await choosePort(command.port, false);
  const range = await chooseRange(state);
  const root = resolve(import.meta.dirname!, "..");
  const started = stopping.started.bind(stopping);
  const starting = startEmbedded(state);
  stopping.after(() => starting.then((database) => database.stop(), () => {}));
  const database = await step("PostgreSQL, embedded, on a socket of its own", () => starting);
  await step("Pages, islands and styles are built", () => build({ root }));
  const manager = await step(
    "Manager runs with its production permissions",
    () => startManager({ state, port, database, range, started }),
  );
  const tokens = (count: number) => demoTokens(database, count);
  const fleet = await step(
    `${hosts} simulated hosts are enrolled and answer`,
    () => startSimulatedHosts({ root, state, manager, range, started, tokens }, hosts, seed, command.mix),
  );
  await pollEverybody(database);
  say();
  say(`  Open      ${bold(manager.url)}   ${dim("its certificate is from its own CA: accept it once")}`);
  const password = await Deno.readTextFile(manager.initial_password_file).then((text) => text.trim(), () => null);
  say(`  User      ${bold("admin")}   ${password ? bold(password) : dim("with the password that you chose")}`);
  const app = await demoApp(database, `${state}/manager`);
  sayFactor(app);
  say(`  Hosts     answer on ${range.network}, process ${fleet.pid}: ${command.mix.join(" ")}`);
  say(`  State     ${state}`);
  say("\nCtrl-C stops everything and keeps the state.");
  sayCodesOnEnter(app);
  const ended = await stopping.firstEnd;
  throw new Error(`${ended.name} has ended by itself. What it said last is in ${ended.log}.`);
}

Deno.exit(await main(Deno.args));
