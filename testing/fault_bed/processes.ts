import { type Child, startChild } from "../../demo/child.ts";
import { keepLogsOf } from "../planted_secrets.ts";
import { waitFor } from "../wait_for.ts";

/** How one process of the bed is started, and which line of its log says that it works. */
export interface ProcessCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
  ready: string;
}

/**
 * Programs that are killed and started again, each detached and with its output in `logs/NAME.log` below the folder.
 */
export class Processes<Name extends string> implements AsyncDisposable {
  #running = new Map<Name, Child>();
  #stopping = false;

  /** @param order in which they are stopped. */
  constructor(
    readonly folder: string,
    readonly commands: Record<Name, ProcessCommand>,
    readonly order: readonly Name[],
  ) {}

  isRunning(name: Name): boolean {
    return this.#running.get(name)?.is_running() === true;
  }

  pid(name: Name): number {
    const child = this.#running.get(name);
    if (!child?.is_running()) throw new Error(`${name} does not run`);
    return child.pid;
  }

  /** Starts those that do not run, in this order, each without waiting for the one before; returns when all work. */
  async start(...names: Name[]): Promise<void> {
    const wanted = names.filter((name) => !this.isRunning(name));
    await Promise.all(wanted.map((name) => this.#start(name)));
  }

  async #start(name: Name): Promise<void> {
    if (this.#stopping) throw new Error("the bed is being stopped");
    const { ready, ...command } = this.commands[name];
    const child = await startChild({ name, state: this.folder, ...command });
    this.#running.set(name, child);
    await waitFor(`${name} to work`, async () => {
      if (!child.is_running()) return "ended";
      return await this.#saidSince(child, ready) ? "works" : null;
    }, { deadline_ms: 60_000 });
    if (!child.is_running()) throw new Error(`${name} has ended:\n${await Deno.readTextFile(child.log)}`);
  }

  /** Whether a process has written an event into its log since it was started. */
  said(name: Name, event: string): Promise<boolean> {
    const child = this.#running.get(name);
    if (!child) throw new Error(`${name} was never started`);
    return this.#saidSince(child, event);
  }

  async #saidSince(child: Child, event: string): Promise<boolean> {
    const line = (await Deno.readTextFile(child.log)).split("\n").findLast((one) => one.includes(`"event":"${event}"`));
    return line !== undefined && Date.parse(JSON.parse(line).time) >= child.started_ms;
  }

  /** Lines of level error in all logs. */
  async errors(): Promise<string[]> {
    const logs = await Promise.all([...this.#running.values()].map(({ log }) => Deno.readTextFile(log)));
    return logs.join("").split("\n").filter((line) => line.includes('"level":"error"'));
  }

  /** kill -9, all before the first is waited for. */
  async kill(...names: Name[]): Promise<void> {
    for (const name of names) Deno.kill(this.pid(name), "SIGKILL");
    await Promise.all(names.map((name) => this.#running.get(name)!.ended));
  }

  /** Halts a process where it stands; only a kill ends it then. */
  halt(name: Name): void {
    Deno.kill(this.pid(name), "SIGSTOP");
  }

  resume(name: Name): void {
    Deno.kill(this.pid(name), "SIGCONT");
  }

  /** As an administrator stops it. */
  async stop(...names: Name[]): Promise<void> {
    for (const name of names) await this.#running.get(name)?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const name of this.order) if (this.isRunning(name)) this.resume(name);
    await this.stop(...this.order);
    await keepLogsOf(this.folder);
  }
}

/** Every process that was started with this folder in its command line or environment, as pid and words. */
export async function processesBelow(folder: string): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const { name } of Deno.readDir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    const words = await readProc(pid, "cmdline");
    // A zombie has no words any more; it is gone as soon as its parent looks.
    if (words === "") continue;
    if (words.includes(folder) || (await readProc(pid, "environ")).includes(`${folder}/`)) {
      found.set(pid, words.replaceAll("\0", " ").trim());
    }
  }
  return found;
}

/** "" for what has ended, or belongs to somebody else. */
async function readProc(pid: number, file: string): Promise<string> {
  return await Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "");
}
