import { type Arguments, Arguments as Options, UsageError } from "./command_line.ts";

/** What the unit of the network side reads its options from; systemd's EnvironmentFile. */
export const SERVICE_FILE = "/etc/patch-agent/agent.env";

/** What the unit says when the file is missing or silent. */
const DEFAULTS = { LISTEN: "0.0.0.0:12443", ALLOW: "manager" };

/**
 * The options with which the service runs: what is not on the command line comes from its file, as in the unit.
 *
 * @param args with the options `listen` and `allow`
 * @param file absolute path; a missing one counts as empty
 * @throws UsageError that names the file and its line's variable when the value is no address, port or network
 */
export async function withServiceOptions(args: Arguments, file: string = SERVICE_FILE): Promise<Arguments> {
  const text = await Deno.readTextFile(file).catch((thrown) => {
    if (thrown instanceof Deno.errors.NotFound) return "";
    throw new UsageError(`${file} cannot be read: ${thrown.message}. Give --listen and --allow instead.`);
  });
  const service = { ...DEFAULTS, ...readEnvironmentFile(text) };
  const own_allow = args.many("allow").length > 0;
  const all = new Options({
    ...args.values,
    listen: args.optional("listen") ?? service.LISTEN,
    allow: own_allow ? args.many("allow") : [service.ALLOW],
  });
  if (args.optional("listen") === null) named(`LISTEN in ${file}`, () => all.endpoint("listen"));
  if (!own_allow) named(`ALLOW in ${file}`, () => all.addresses("allow"));
  return all;
}

/** Variables of an EnvironmentFile: one a line, comments after # or ;, values bare or in quotes. */
export function readEnvironmentFile(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, name, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) found[name] = value.replace(/^(["'])(.*)\1$/, "$2");
  }
  return found;
}

/** Says where a bad value stands, which is not on the command line. */
function named(where: string, read: () => unknown): void {
  try {
    read();
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    throw new UsageError(thrown.message.replace(/^--(listen|allow)/, where));
  }
}
