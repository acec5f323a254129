const found = await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output()
  .then((output) => output.success, () => false);

/**
 * A test that needs the openssl program. Without it the test is left out under a name that says so; with
 * TEST_REQUIRE=all it runs and fails.
 */
export function opensslTest(name: string, run: () => Promise<void>): void {
  const left_out = !found && Deno.env.get("TEST_REQUIRE") !== "all";
  Deno.test({ name: left_out ? `${name} (left out: openssl is not installed)` : name, ignore: left_out, fn: run });
}

/** Runs openssl with fixed arguments and optional input; both outputs as one text. */
export async function openssl(args: string[], input = ""): Promise<{ code: number; text: string }> {
  const child = new Deno.Command("openssl", { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  // openssl may end before it has read everything; what it printed says why.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}
