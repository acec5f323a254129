import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { keepLogsOf } from "../testing/planted_secrets.ts";
import { waitFor } from "../testing/wait_for.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The demo as a child in a session of its own, as a terminal would have it, with everything that it says. */
export interface RunningDemo extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<number>;
  /** What it said so far. */
  words(): string;
  /** Waits for words, a minute if nothing else is said. */
  says(pattern: RegExp, deadline_ms?: number): Promise<RegExpExecArray>;
  /** SIGINT to the whole process group, as a terminal sends it, so many times within some milliseconds. */
  interrupt(times: number): Promise<void>;
}

export function startDemo(...args: string[]): RunningDemo {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-P=demo", "demo/main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let words = "";
  let running = true;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) words += decoder.decode(bytes, { stream: true });
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = Promise.all([child.status, reading]).then(([{ code }]) => {
    running = false;
    return code;
  });
  const interrupt = async (times: number) => {
    for (let sent = 0; sent < times; sent++) {
      // The next one meets a demo that is stopping: that is when it did harm.
      if (sent > 0) await waitFor("the demo to stop", () => !running || words.includes("Stopping"), { every_ms: 5 });
      await new Deno.Command("/bin/kill", { args: ["-INT", "--", `-${child.pid}`], stderr: "null" }).output();
    }
  };
  return {
    pid: child.pid,
    ended,
    words: () => words,
    says: (pattern, deadline_ms = 60_000) =>
      waitFor(`the demo to say ${pattern}`, () => {
        const found = pattern.exec(words);
        if (!found && !running) assert.fail(`The demo has ended. It said:\n${words}`);
        return found;
      }, { deadline_ms, every_ms: 50 }),
    interrupt,
    async [Symbol.asyncDispose]() {
      if (running) await interrupt(1);
      await ended;
      const state = args[args.indexOf("--state") + 1];
      if (args.includes("--state")) await keepLogsOf(state);
    },
  };
}

/** Processes whose words name the folder. */
export async function processesOf(folder: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("/usr/bin/ps", { args: ["-ww", "-eo", "pid=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(folder));
}
