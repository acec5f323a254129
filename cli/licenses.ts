import { noWords, readArguments } from "./arguments.ts";
import { complain, type Program, say } from "./program.ts";

/** `licenses`: the licence notices of what the program is made of, as the build collected them. */
export async function licenses(args: readonly string[], program: Program): Promise<number> {
  noWords(readArguments(args, {}));
  const collected = `${program.root}/licenses.txt`;
  try {
    say(await Deno.readTextFile(collected));
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  const { collectLicenses } = await import("./collect_licenses.ts");
  const text = await collectLicenses(`${program.root}/node_modules/.deno`);
  if (text === null) return complain("The notices are not here: run this in a checkout, or use the executable."), 1;
  say(text);
  return 0;
}
