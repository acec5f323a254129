import { parseArgs } from "node:util";
import { isIP } from "node:net";
import { reason } from "../core/errors.ts";
import { type AddressRules, readAddressRules } from "./server/manager_addresses.ts";

/** The command line was wrong: what is, and what is expected. */
export class UsageError extends Error {}

interface Option {
  /** Stands for the value in the help; absent for a switch. */
  value?: string;
  words: string;
  required?: true;
  many?: true;
  fallback?: string;
}

const state: Option = { value: "DIR", words: "folder of key, certificate and state", fallback: "/var/lib/patch-agent" };
const manager: Option = { value: "URL", words: "the manager, such as https://manager.example:8443", required: true };
const fingerprint: Option = { value: "HEX", words: "SHA-256 of the manager's root certificate", required: true };

const allow: Option = {
  value: "CIDR",
  words: "who may connect: networks, manager for its own addresses, any; may be repeated; default: manager",
  many: true,
};

const listen: Option = { value: "ADDR:PORT", words: "where to listen", fallback: "0.0.0.0:12443" };
const executor: Option = {
  value: "SOCKET",
  words: "socket of the root side",
  fallback: "/run/patch-agent/executor.sock",
};
const json: Option = { words: "for programs: one JSON value" };

const commands = {
  serve: {
    words: "answer the manager (network side, never root)",
    options: {
      state,
      listen,
      executor,
      allow,
      simulated: { words: "serve an invented host instead of this one" },
      seed: { value: "N", words: "seed of the invented host", fallback: "1" },
    },
  },
  enrol: {
    words: "enrol this host at a manager",
    options: {
      manager,
      "ca-fingerprint": fingerprint,
      token: { value: "TOKEN", words: "one-time token; - reads it from standard input; else $PATCH_AGENT_TOKEN" },
      fqdn: { value: "NAME", words: "name of this host; default: its host name" },
      address: {
        value: "IP",
        words: "address under which the manager reaches this host; default: the one that this host has towards it",
      },
      port: { value: "PORT", words: "port under which it does", fallback: "12443" },
      state,
      root: { value: "DIR", words: "take the machine's identity from another file system", fallback: "" },
      wait: { value: "SECONDS", words: "how long to wait for approval", fallback: "3600" },
    },
  },
  list: {
    words: "print what is pending on this host, as the manager is told; changes nothing",
    options: {
      check: { words: "compare with the package manager's own simulation; exit 1 on any difference" },
      root: { value: "DIR", words: "a system below a folder instead of this machine" },
      json,
    },
  },
  renew: {
    words: "say when the manager renews this host's certificate, and whether it is late (exit 1)",
    options: { state, json },
  },
  doctor: {
    words: "look whether this host can be reached and patched; changes nothing, exit 1 on any problem",
    options: {
      state,
      listen: {
        ...listen,
        words: "where the service listens; default: as in /etc/patch-agent/agent.env",
        fallback: undefined,
      },
      executor,
      allow: { ...allow, words: "who may connect; default: as in /etc/patch-agent/agent.env" },
      json,
    },
  },
  simulate: {
    words: "enrol and serve a fleet of invented hosts",
    options: {
      hosts: { value: "N", words: "how many, 1 to 10000", fallback: "25" },
      seed: { value: "N", words: "the same seed is the same fleet", fallback: "1" },
      state: { ...state, fallback: undefined, required: true },
      manager,
      "ca-fingerprint": fingerprint,
      tokens: { value: "FILE", words: "one-time tokens, one a line, for hosts that are not enrolled yet" },
      "base-address": { value: "127.X.0.0", words: "network of the hosts' addresses", fallback: "127.77.0.0" },
      port: { value: "PORT", words: "port of every host", fallback: "12443" },
      speed: { value: "N", words: "how many times as fast as real hosts jobs run", fallback: "1" },
      calm: { words: "no silent and no slow hosts" },
      dead: { value: "SHARE", words: "hosts that are silent or refuse, such as 5%; any share replaces the usual mix" },
      slow: { value: "SHARE", words: "hosts that take 2 to 6 seconds to answer" },
      flaky: { value: "SHARE", words: "hosts that break connections and stall" },
      "fail-install": { value: "SHARE", words: "hosts where one package always fails" },
      "release-minutes": { value: "N", words: "minutes between new updates of a distribution; 0: none", fallback: "0" },
      record: { words: "write what reaches which host when into the state folder" },
    },
  },
} satisfies Record<string, { words: string; options: Record<string, Option> }>;

export type CommandName = keyof typeof commands;

/** The options of a command as given or by default. */
export class Arguments {
  constructor(readonly values: Record<string, string | string[] | boolean | undefined>) {}

  text(name: string): string {
    return String(this.values[name] ?? "");
  }

  /** Null when it was not given. */
  optional(name: string): string | null {
    return this.values[name] === undefined ? null : String(this.values[name]);
  }

  many(name: string): string[] {
    return (this.values[name] as string[] | undefined) ?? [];
  }

  on(name: string): boolean {
    return this.values[name] === true;
  }

  /** A whole number within bounds. @throws UsageError */
  number(name: string, low: number, high: number): number {
    const value = this.text(name);
    const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
    if (!(number >= low && number <= high)) {
      throw new UsageError(`--${name} has to be a whole number from ${low} to ${high}, not ${JSON.stringify(value)}.`);
    }
    return number;
  }

  /** HOST:PORT, [V6]:PORT. @throws UsageError */
  endpoint(name: string): { hostname: string; port: number } {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(this.text(name));
    const hostname = match?.[1] ?? match?.[2] ?? "";
    const port = Number(match?.[3]);
    if (isIP(hostname) === 0 || !(port >= 0 && port <= 65_535)) {
      throw new UsageError(`--${name} has to be ADDRESS:PORT, such as 0.0.0.0:12443 or [::]:12443.`);
    }
    return { hostname, port };
  }

  /** Whose connections are taken. @throws UsageError */
  addresses(name: string): AddressRules {
    try {
      return readAddressRules(this.many(name));
    } catch (thrown) {
      throw new UsageError(`--${name}: ${reason(thrown)} Also known: manager (its own addresses), any.`);
    }
  }

  /** An absolute path. @throws UsageError */
  path(name: string): string {
    const value = this.text(name);
    if (!value.startsWith("/")) {
      throw new UsageError(`--${name} has to be an absolute path, not ${JSON.stringify(value)}.`);
    }
    return value.replace(/\/+$/, "") || "/";
  }
}

/** Reads the options of a command. @throws UsageError that names what is wrong; a token is never repeated */
export function parseCommand(name: CommandName, args: string[]): Arguments {
  const known: Record<string, Option> = commands[name].options;
  const options = Object.fromEntries(
    Object.entries(known).map(([key, option]) => [key, {
      type: option.value === undefined ? "boolean" as const : "string" as const,
      multiple: option.many === true,
    }]),
  );
  let values: Record<string, string | string[] | boolean | undefined>;
  try {
    values = parseArgs({ args, options, strict: true, allowPositionals: false }).values as typeof values;
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message.split("\n")[0] : "The options cannot be read.");
  }
  for (const [key, option] of Object.entries(known)) {
    values[key] ??= option.many ? [] : option.fallback;
    if (option.required && values[key] === undefined) throw new UsageError(`--${key} is missing: ${option.words}.`);
  }
  return new Arguments(values);
}

/** The help, of all commands or of one. */
export function usage(only?: string): string {
  const lines = ["patch-agent COMMAND [options]", ""];
  const one = Object.entries(commands).filter(([name]) => name === only);
  for (const [name, command] of one.length === 1 ? one : Object.entries(commands)) {
    lines.push(`  ${name.padEnd(10)} ${command.words}`);
    for (const [key, option] of Object.entries(command.options as Record<string, Option>)) {
      const spelled = option.value === undefined ? `--${key}` : `--${key} ${option.value}`;
      lines.push(`      ${spelled.padEnd(24)} ${option.words}${option.fallback ? ` (${option.fallback})` : ""}`);
    }
  }
  if (one.length === 1) return lines.join("\n");
  lines.push("  executor   run the package manager (root side, unix socket only)");
  lines.push("  version    print the version", "  help       print this");
  return lines.join("\n");
}
