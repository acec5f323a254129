import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** What the person asked for. */
export interface DemoOptions {
  /** Port of the web interface on localhost; null when nobody said. */
  port: number | null;
  /** Absolute path of everything that the demo keeps; null when nobody said. */
  state: string | null;
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
  --state DIR   folder that keeps everything between starts (/var/tmp/patch-manager-demo-UID)
  --hosts N     simulated hosts, 0 to 2500 (25)
  --seed N      the same number is the same simulated fleet (1)
  --reset       forget what earlier starts left
  --once        do the main job without a person: enrol, poll, dry run, apply, verify; then end and leave nothing
  --help        print this

Ctrl-C stops everything and keeps the state for the next start.`;

/**
 * The longest state folder in bytes: a unix socket's path may have 100, and the one of the root side is the longest
 * below it.
 */
const LONGEST_STATE = 100 - "/host/socket/executor.sock".length;

/**
 * Reads the command line.
 * @throws DemoUsage
 */
export function readOptions(args: string[]): DemoOptions | "help" {
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
  return {
    port: values.port === undefined ? null : wholeNumber("port", values.port, 0, 1, 65_535),
    state: values.state === undefined ? null : stateFolder(String(values.state)),
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

/** The folder's name goes into permission flags and apt's configuration, which know no quoting. */
function stateFolder(value: string): string {
  const path = resolve(value);
  if (value === "" || !/^\/[A-Za-z0-9/._-]+$/.test(path)) {
    throw new DemoUsage(`--state has to be a folder of letters, digits, / . _ and -, not ${JSON.stringify(value)}.`);
  }
  if (path.length > LONGEST_STATE) {
    throw new DemoUsage(
      `--state may have ${LONGEST_STATE} characters, ${path} has ${path.length}. Take a shorter path.`,
    );
  }
  return path;
}
