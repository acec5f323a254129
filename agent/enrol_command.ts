import { hostname } from "node:os";
import { isIP } from "node:net";
import { systemClock } from "../core/clock.ts";
import { reason } from "../core/errors.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import { enrol } from "./enrol.ts";
import { readMachine } from "./enrol_machine.ts";
import { PinnedManager } from "./enrol_manager.ts";

/** `patch-agent enrol`. Answers the exit code. The words go to the terminal, the token goes nowhere. */
export async function runEnrol(args: Arguments): Promise<number> {
  const wanted = args.optional("address");
  if (wanted !== null && isIP(wanted) === 0) throw new UsageError("--address has to be an IPv4 or IPv6 address.");
  const fqdn = (args.optional("fqdn") ?? hostname()).toLowerCase().replace(/\.$/, "");
  const port = args.number("port", 1, 65_535);
  const wait_ms = args.number("wait", 0, 30 * 86_400) * 1000;
  const state = args.path("state");
  const root = args.text("root");
  try {
    const token = await readToken(args.optional("token"));
    const machine = await readMachine(root);
    const manager = await PinnedManager.open(args.text("manager"), args.text("ca-fingerprint"), systemClock);
    const address = wanted ?? manager.local_address;
    await manager.locate();
    if (address === null) throw new Error("This host's own address cannot be told. Say it with --address.");
    await enrol({
      manager,
      token,
      fqdn,
      address,
      port,
      machine,
      state,
      clock: systemClock,
      wait_ms,
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      on_waiting: () => console.error(`Waiting for approval of ${fqdn} at ${manager.url.host} …`),
    });
    console.log(JSON.stringify({ event: "agent.enrolled", fqdn, address, port }));
    return 0;
  } catch (thrown) {
    console.error(reason(thrown));
    return 1;
  }
}

/** From the command line, standard input (-) or the environment: the last two keep it out of the process list. */
async function readToken(given: string | null): Promise<string | null> {
  const text = given === "-" ? await readStandardInput() : given ?? Deno.env.get("PATCH_AGENT_TOKEN") ?? "";
  const token = text.trim();
  if (token === "") return null;
  if (!/^[\x21-\x7e]{8,128}$/.test(token)) throw new Error("The token is not one: 8 to 128 printable characters.");
  return token;
}

async function readStandardInput(): Promise<string> {
  const bytes = new Uint8Array(4096);
  let length = 0;
  for (let read = 0; length < bytes.length && read !== null;) {
    read = await Deno.stdin.read(bytes.subarray(length)) as number;
    if (read !== null) length += read;
    if (bytes.subarray(0, length).includes(0x0a)) break;
  }
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\n")[0];
}
