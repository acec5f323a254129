import type { Config } from "../core/config/types.ts";
import { permissionFlags, type Places, rolePermissions } from "../core/permissions.ts";

export interface ManagerCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** What the runtime itself looks at: where its cache lies, which certificates it trusts. */
const RUNTIME_ENV = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "DENO_TLS_CA_STORE", "TZ", "LANG"];

/**
 * The engine collects garbage after its heap grew by a quarter, not after it grew severalfold: a hostile host's report
 * leaves some hundred MiB of it behind. No limit, because at a limit the engine ends the process. The space for what is
 * young is half of its default: a verification of a million audit rows takes 123 instead of 167 MiB, and no longer.
 */
export const MANAGER_HEAP = "--v8-flags=--heap-growing-percent=25,--max-semi-space-size=8";

/**
 * How to start the manager from a checkout with its production permissions: no prompt, no run, no sys, reading and
 * writing only where the configuration says. Start it with `clearEnv`, so that nothing else leaks in.
 *
 * @param places as `placesOf` gives them; `files` must name the configuration file
 * @param options.role one role alone; without it both, in one process
 * @param options.file the configuration file; without it `env` must say everything
 */
export function managerCommand(
  config: Config,
  places: Places,
  options: { role?: "web" | "fleet"; file?: string; env?: Record<string, string> } = {},
): ManagerCommand {
  const { role, file } = options;
  const env: Record<string, string> = {};
  for (const name of RUNTIME_ENV) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return {
    command: Deno.execPath(),
    args: [
      "run",
      "--quiet",
      `--config=${places.root}/deno.json`,
      MANAGER_HEAP,
      ...permissionFlags(rolePermissions("main", config, places)),
      `${places.root}/main.ts`,
      "serve",
      ...role ? ["--role", role] : [],
      ...file ? ["--config", file] : [],
    ],
    env: { ...env, ...options.env },
  };
}
