import { exampleConfig, showConfig } from "../core/config/describe.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import type { Role } from "../core/config/types.ts";
import { type RolePermissions, rolePermissions } from "../core/permissions.ts";
import { noWords, readArguments, UsageError } from "./arguments.ts";
import { placesOf } from "./places.ts";
import { type Program, say } from "./program.ts";

const ROLES: readonly Role[] = ["main", "web", "fleet"];

/** `config show|check|example|permissions`. */
export function config(args: readonly string[], program: Program): number {
  const [what, ...rest] = args;
  switch (what) {
    case "example":
      noWords(readArguments(rest, {}));
      say(exampleConfig());
      return 0;
    case "show":
      say(showConfig(load(rest)));
      return 0;
    case "check": {
      const { file } = load(rest);
      say(file === null ? `There is no ${DEFAULT_FILE}; defaults and environment are fine.` : `${file} is fine.`);
      return 0;
    }
    case "permissions":
      return permissions(rest, program);
  }
  throw new UsageError(
    what === undefined
      ? "config needs one of: show, check, example, permissions."
      : `"${what}" is not one of: show, check, example, permissions.`,
  );
}

function load(args: readonly string[]) {
  const flags = readArguments(args, { config: "value" });
  noWords(flags);
  return loadConfig(flags.values.config);
}

function permissions(args: readonly string[], program: Program): number {
  const flags = readArguments(args, { config: "value", json: "switch" });
  noWords(flags);
  const loaded = loadConfig(flags.values.config);
  const places = placesOf(program, loaded);
  const all = Object.fromEntries(ROLES.map((role) => [role, rolePermissions(role, loaded.config, places)]));
  if (flags.switches.has("json")) say(JSON.stringify(all, null, 2));
  else say(ROLES.map((role) => describe(role, all[role])).join("\n\n"));
  return 0;
}

const WHO: Record<Role, string> = {
  main: "main (supervisor; gives up net, write, env and ffi once the roles run)",
  web: "web (pages, API, signing)",
  fleet: "fleet (talks to hosts)",
};

function describe(role: Role, given: RolePermissions): string {
  const lines = Object.entries(given).map(([name, value]) => {
    if (value === true) return `  ${name.padEnd(7)}everything`;
    if (value === false || value.length === 0) return `  ${name.padEnd(7)}nothing`;
    return value.map((item: string, i: number) => `  ${(i === 0 ? name : "").padEnd(7)}${item}`).join("\n");
  });
  return [WHO[role], ...lines].join("\n");
}
