import { parseArgs } from "node:util";

/** What the person asked for. */
export interface DemoOptions {
  /** Port of the web interface on localhost. */
  port: number;
  /** Absolute path of everything that the demo keeps. */
  state: string;
  /** Simulated hosts, 0 to 2,500. */
  hosts: number;
  /** The same seed is the same simulated fleet. */
  seed: number;
  /** Forget the state of earlier starts. */
  reset: boolean;
  /** Do the main job once, as a client of the REST API, and end. */
  once: boolean;
}

/** The command line was wrong; `message` says what and what is expected. */
export class DemoUsage extends Error {}

export const USAGE = `The whole product on this machine: database, manager, one real host in a sandbox, simulated hosts.

  --port N      port of the web interface on localhost (8443)
  --state DIR   folder that keeps everything between starts
  --hosts N     simulated hosts, 0 to 2500 (25)
  --seed N      the same number is the same simulated fleet (1)
  --reset       forget what earlier starts left
  --once        do the main job without a person: enrol, poll, dry run, apply, verify; then end
  --help        print this

Ctrl-C stops everything and keeps the state for the next start.`;

/**
 * Reads the command line.
 * @param state the folder where nothing was said
 * @throws DemoUsage
 */
export function readOptions(args: string[], state: string): DemoOptions | "help" {
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: "string" },
        state: { type: "string" },
        hosts: { type: "string" },
        seed: { type: "string" },
        reset: { type: "boolean" },
        once: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (thrown) {
    throw new DemoUsage((thrown as Error).message.split("\n")[0]);
  }
  if (values.help) return "help";
  const once = values.once === true;
  const folder = values.state === undefined ? state : String(values.state);
  if (folder === "") throw new DemoUsage("--state needs a folder.");
  return {
    port: wholeNumber("port", values.port, 8443, 1, 65_535),
    state: folder.startsWith("/") ? folder.replace(/\/+$/, "") || "/" : `${Deno.cwd()}/${folder}`.replace(/\/+$/, ""),
    hosts: wholeNumber("hosts", values.hosts, once ? 3 : 25, 0, 2_500),
    seed: wholeNumber("seed", values.seed, 1, 0, 2 ** 31 - 1),
    reset: values.reset === true,
    once,
  };
}

function wholeNumber(name: string, value: unknown, fallback: number, low: number, high: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,10}$/.test(String(value)) ? Number(value) : NaN;
  if (number >= low && number <= high) return number;
  throw new DemoUsage(`--${name} has to be a whole number from ${low} to ${high}, not ${JSON.stringify(value)}.`);
}
