import { allowedNetworks, allowNetwork, clearNetworks } from "../core/access/change_networks.ts";
import type { AllowedNetwork } from "../core/access/types.ts";
import type { Context } from "../core/audit/types.ts";
import { systemClock } from "../core/clock.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { databaseUrlOf } from "../core/config/types.ts";
import type { Sql } from "../core/database/connection.ts";
import { AppError } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import { readArguments, UsageError } from "./arguments.ts";
import { connectAsOwner, noDatabase } from "./prepare.ts";
import { complain, say } from "./program.ts";

/** Who acts at the console: whoever may read the configuration, which is root and the service. */
const CONSOLE: Context = {
  actor: { kind: "system", name: "console" },
  address: null,
  request_id: null,
  clock: systemClock,
};

/**
 * `access list|allow NETWORK|clear`: who may use pages and API, for somebody who is locked out of them. In force at once,
 * also while the manager runs; a change is a row of the audit log.
 */
export async function access(args: readonly string[]): Promise<number> {
  const flags = readArguments(args, { config: "value" });
  const act = actOf(flags.words);
  const { config, file } = loadConfig(flags.values.config);
  if (databaseUrlOf("main", config) === null) return complain(noDatabase(file ?? DEFAULT_FILE)), 2;
  await using owner = await connectAsOwner(config, createLog({ level: "warn", format: "text" }));
  try {
    for (const line of listWords(await act(owner.sql))) say(line);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== "validation_failed") throw thrown;
    return complain(thrown.message), 2;
  }
}

function actOf([what, ...rest]: readonly string[]): (sql: Sql) => Promise<AllowedNetwork[]> {
  const [network, ...more] = rest;
  if (what === "allow" && network !== undefined && more.length === 0) {
    return (sql) => allowNetwork(sql, network, CONSOLE);
  }
  if (what === "allow") throw new UsageError("access allow needs one network, such as 10.1.0.0/16.");
  if (what !== "list" && what !== "clear") {
    throw new UsageError(
      what === undefined
        ? "access needs one of: list, allow NETWORK, clear."
        : `"${what}" is not one of: list, allow NETWORK, clear.`,
    );
  }
  if (rest.length > 0) throw new UsageError(`"${rest[0]}" is not understood here.`);
  return what === "list" ? allowedNetworks : (sql) => clearNetworks(sql, CONSOLE);
}

/** The list in words, a line each. */
export function listWords(networks: readonly AllowedNetwork[]): string[] {
  if (networks.length === 0) return ["Pages and API can be used from every address."];
  const width = Math.max(...networks.map(({ network }) => network.length));
  return [
    "Pages and API can be used from these networks only:",
    ...networks.map(({ network, note }) => `  ${network.padEnd(width)}  ${note}`.trimEnd()),
  ];
}
