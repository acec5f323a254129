/**
 * patch-manager: see `cli/commands.ts` for what it can do and `cli/serve.ts` for what runs.
 */
import { runCommand } from "./cli/commands.ts";

if (import.meta.main) Deno.exit(await runCommand(Deno.args, import.meta.url));
