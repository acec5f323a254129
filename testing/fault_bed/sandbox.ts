import { runMark } from "../../agent/backends/apt/arguments.ts";
import { buildRepository, createSandboxHost, sandboxEnvironment } from "../../demo/sandbox.ts";
import { scriptSettings } from "../../demo/sandbox_packages.ts";
import { waitFor } from "../wait_for.ts";
import { processesBelow } from "./processes.ts";

/** The real host's file system, with what its own package manager wrote about what it did. */
export class Sandbox {
  readonly #fresh: string;

  private constructor(readonly root: string) {
    this.#fresh = `${root}.fresh`;
  }

  /** Builds the repository and the host, and keeps a copy of it as it was. */
  static async make(root: string, repository: string, hostname: string): Promise<Sandbox> {
    await createSandboxHost(root, await buildRepository(repository), { hostname });
    const sandbox = new Sandbox(root);
    await copy(root, sandbox.#fresh);
    return sandbox;
  }

  /**
   * Makes the host as it was at first, with the settings of its maintainer scripts; what of an earlier package manager
   * still works is waited for.
   */
  async restore(settings: Record<string, string | number>): Promise<void> {
    await this.openGate();
    await this.releaseRefresh();
    await this.idle();
    await Deno.remove(this.root, { recursive: true });
    await copy(this.#fresh, this.root);
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    await Deno.writeTextFile(`${this.root}/${scriptSettings}`, lines.join(""));
  }

  /** Waits until dpkg has come to the slow package's script, which then stands still. */
  async atGate(): Promise<void> {
    await waitFor("dpkg to reach the slow script", () => exists(`${this.root}/gate.waiting`), { deadline_ms: 30_000 });
  }

  openGate(): Promise<void> {
    return Deno.writeTextFile(`${this.root}/gate`, "");
  }

  /** The next refresh of the index stands still before its first download, with the lists' lock in hand. */
  async holdRefresh(): Promise<void> {
    const [waiting, go] = [`${this.root}/refresh.waiting`, `${this.root}/refresh`];
    const script = `: > ${waiting}; while [ ! -e ${go} ]; do sleep 0.05; done`;
    await Deno.writeTextFile(`${this.root}/etc/apt/apt.conf.d/50hold`, `APT::Update::Pre-Invoke { "${script}"; };\n`);
  }

  async atRefresh(): Promise<void> {
    await waitFor("the refresh to stand still", () => exists(`${this.root}/refresh.waiting`));
  }

  releaseRefresh(): Promise<void> {
    return Deno.writeTextFile(`${this.root}/refresh`, "");
  }

  /** Waits until no program of a package manager works on the host. */
  async idle(): Promise<void> {
    await waitFor("the package manager to end", async () => (await this.programs()).size === 0, {
      deadline_ms: 30_000,
    });
  }

  /** Programs of the package manager that work on the host, maintainer scripts among them. */
  async programs(): Promise<Map<number, string>> {
    const all = await processesBelow(this.root);
    // Agent and executor have the folder in their words too.
    for (const [pid, words] of all) if (words.includes(Deno.execPath())) all.delete(pid);
    return all;
  }

  /** How often apt began a transaction, by run id; a transaction of nobody's counts under "". */
  async transactions(): Promise<Record<string, number>> {
    const history = await read(`${this.root}/var/log/apt/history.log`);
    const counts: Record<string, number> = {};
    // The transaction that made the host is older than every run.
    for (const block of history.split(/^Start-Date: /m).slice(1 + await this.#earlier())) {
      const run_id = new RegExp(`${runMark("x").slice(0, -1)}(\\S+)`).exec(block)?.[1] ?? "";
      counts[run_id] = (counts[run_id] ?? 0) + 1;
    }
    return counts;
  }

  async #earlier(): Promise<number> {
    return (await read(`${this.#fresh}/var/log/apt/history.log`)).split(/^Start-Date: /m).length - 1;
  }

  /** What dpkg says that it upgraded since the host was made, such as `curlew 7.88.1-10 7.88.1-11`, in order. */
  async upgrades(): Promise<string[]> {
    return (await this.#log()).flatMap((line) => {
      const [, name, from, to] = / upgrade (\S+?):\S+ (\S+) (\S+)$/.exec(line) ?? [];
      return name ? [`${name} ${from} ${to}`] : [];
    });
  }

  /** How often dpkg began to run a package's maintainer scripts after unpacking. */
  async configured(name: string): Promise<number> {
    return (await this.#log()).filter((line) => line.includes(` configure ${name}:`)).length;
  }

  async #log(): Promise<string[]> {
    const before = (await read(`${this.#fresh}/var/log/dpkg.log`)).length;
    return (await read(`${this.root}/var/log/dpkg.log`)).slice(before).split("\n");
  }

  /** Version by package, of those that dpkg calls installed. */
  async versions(): Promise<Record<string, string>> {
    const { stdout } = await new Deno.Command("/usr/bin/dpkg-query", {
      args: [`--admindir=${this.root}/var/lib/dpkg`, "-W", "-f=${db:Status-Abbrev}\\t${Package}\\t${Version}\\n"],
      clearEnv: true,
      env: sandboxEnvironment(this.root),
      cwd: "/",
    }).output();
    const rows = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split("\t"));
    return Object.fromEntries(rows.filter(([state]) => state[1] === "i").map(([, name, version]) => [name, version]));
  }

  /** Ends the package manager itself, from its front end to the script that runs. */
  async killPackageManager(): Promise<void> {
    // Parents first, or they would report the child's end in order.
    for (const pid of [...(await this.programs()).keys()].sort((a, b) => a - b)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (thrown) {
        if (!(thrown instanceof Deno.errors.NotFound || (thrown as { code?: string }).code === "ESRCH")) throw thrown;
      }
    }
    await this.idle();
  }
}

async function copy(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("/usr/bin/cp", { args: ["-a", from, to] }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch((thrown) => {
    if (thrown instanceof Deno.errors.NotFound) return "";
    throw thrown;
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
