import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readShare } from "../agent/backends/simulated/shares.ts";
import { share_options } from "../agent/backends/simulated/simulate.ts";
import { DemoUsage } from "./options.ts";

/** A manager that runs already. */
export interface GivenManager {
  url: string;
  fingerprint: string;
  /** Absolute path of a file of one-time tokens; null when every host is enrolled. */
  tokens: string | null;
}

/** What the person asked for. */
export interface FleetCommand {
  /** 1 to 10,000. */
  hosts: number;
  seed: number;
  /** Options of `patch-agent simulate` that say what the hosts are like. */
  mix: string[];
  /** Absolute path; null when nobody said. */
  state: string | null;
  /** Port of the manager's web interface; null when nobody said. */
  port: number | null;
  reset: boolean;
  /** Null: one of its own is started. */
  manager: GivenManager | null;
  /** Network of the hosts' addresses towards a given manager, `127.77.0.0`. */
  base: string;
}

export const FLEET_USAGE =
  `A simulated fleet in one process: the real protocol, one certificate and one address per host.

  --hosts N             how many, 1 to 10000 (2500)
  --seed N              the same number is the same fleet (7)
  --dead SHARE          silent or refusing, in equal parts (5%)
  --slow SHARE          answers after 2 to 6 seconds (5%)
  --flaky SHARE         breaks connections and stalls (2%)
  --fail-install SHARE  one package always fails (5%)
  --release-minutes N   minutes between two new updates of a distribution, 0 for none (40)
  --record              write what reaches which host when
  --state DIR           folder that keeps everything between starts (/var/tmp/patch-manager-fleet-UID)
  --reset               forget what earlier starts left
  --help                print this

Without a manager it starts one, with an embedded database:

  --port N              port of its web interface on localhost (8443)

Towards one that runs:

  --manager URL         such as https://manager.example:8443
  --ca-fingerprint HEX  SHA-256 of its root certificate
  --tokens FILE         one-time enrolment tokens, one a line, for hosts that are not enrolled yet
  --base-address ADDR   network of the hosts' addresses (127.77.0.0); the manager has to reach them

Ctrl-C stops everything and keeps the state for the next start.`;

const defaults = { dead: "5%", slow: "5%", flaky: "2%", "fail-install": "5%" };
const words = ["hosts", "seed", "state", "port", "manager", "ca-fingerprint", "tokens", "base-address"] as const;

/** Reads the command line. @throws DemoUsage */
export function readFleetCommand(args: string[]): FleetCommand | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        ...Object.fromEntries(
          [...words, ...Object.values(share_options), "release-minutes"].map((name) => [name, text]),
        ),
        ...Object.fromEntries(["record", "reset", "help"].map((name) => [name, flag])),
      },
    }).values as typeof values;
  } catch (thrown) {
    throw new DemoUsage((thrown as Error).message.split("\n")[0]);
  }
  if (values.help) return "help";
  const manager = givenManager(values);
  if (manager && values.port !== undefined) throw new DemoUsage("--port is for a manager that is started here.");
  const base = String(values["base-address"] ?? "127.77.0.0");
  if (!/^127\.\d{1,3}\.0\.0$/.test(base)) throw new DemoUsage("--base-address has to be 127.X.0.0.");
  return {
    hosts: wholeNumber("hosts", values.hosts, 2_500, 1, 10_000),
    seed: wholeNumber("seed", values.seed, 7, 0, 2 ** 31 - 1),
    mix: mixOf(values),
    state: values.state === undefined ? null : resolve(String(values.state)),
    port: values.port === undefined ? null : wholeNumber("port", values.port, 0, 1, 65_535),
    reset: values.reset === true,
    manager,
    base,
  };
}

function mixOf(values: Record<string, string | boolean | undefined>): string[] {
  const shares = Object.entries(defaults).flatMap(([option, usual]) => {
    const share = String(values[option] ?? usual);
    if (readShare(share) === null) {
      throw new DemoUsage(`--${option} has to be a share such as 5% or 0.05, not ${JSON.stringify(share)}.`);
    }
    return [`--${option}`, share];
  });
  const minutes = wholeNumber("release-minutes", values["release-minutes"], 40, 0, 100_000);
  return [...shares, "--release-minutes", String(minutes), ...(values.record ? ["--record"] : [])];
}

function givenManager(values: Record<string, string | boolean | undefined>): GivenManager | null {
  if (values.manager === undefined) {
    for (const name of ["ca-fingerprint", "tokens", "base-address"]) {
      if (values[name] !== undefined) throw new DemoUsage(`--${name} needs --manager.`);
    }
    return null;
  }
  if (values["ca-fingerprint"] === undefined) throw new DemoUsage("--manager needs --ca-fingerprint.");
  const tokens = values.tokens === undefined ? null : resolve(String(values.tokens));
  return { url: String(values.manager), fingerprint: String(values["ca-fingerprint"]), tokens };
}

function wholeNumber(name: string, value: unknown, fallback: number, low: number, high: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,10}$/.test(String(value)) ? Number(value) : NaN;
  if (number >= low && number <= high) return number;
  throw new DemoUsage(`--${name} has to be a whole number from ${low} to ${high}, not ${JSON.stringify(value)}.`);
}
