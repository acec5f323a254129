import { connect } from "node:net";
import { createRequire } from "node:module";

/**
 * The worker of permissions_test.ts: it tries what it is told and answers with the outcome of each attempt.
 * `allowed` means that Deno let it through, whatever came of it; `denied` means that Deno refused.
 */
export type Attempt =
  | { try: "connect"; host: string; port: number }
  | { try: "unix" | "read" | "write" | "ffi" | "run" | "env" | "fetch" | "import"; what: string }
  | { try: "listen"; host: string; port: number }
  | { try: "resolve"; server: string }
  | { try: "sys" | "libraries" | "argon2" | "ask" }
  | { try: "worker"; permissions: Deno.PermissionOptions };

export type Outcome = "allowed" | "denied";

const DENIED = /NotCapable|Requires \w+ access to|Can't escalate|EPERM|permission denied by the runtime/;

self.onmessage = async ({ data }: MessageEvent<Attempt[]>) => {
  const answers: string[] = [];
  for (const attempt of data) answers.push(await outcome(attempt));
  self.postMessage(answers);
};

async function outcome(attempt: Attempt): Promise<string> {
  try {
    await run(attempt);
    return "allowed";
  } catch (thrown) {
    const words = thrown instanceof Error
      ? `${thrown.name} ${thrown.message} ${(thrown as { code?: string }).code}`
      : "";
    if (DENIED.test(words)) return "denied";
    // A refusal by the machine comes after Deno has let the attempt through.
    return /ECONNREFUSED|ENOENT|ETIMEDOUT|NotFound|TimedOut|timed out|dlopen|file too short/.test(words)
      ? "allowed"
      : words;
  }
}

async function run(attempt: Attempt): Promise<unknown> {
  switch (attempt.try) {
    case "connect":
      return await reach(connect({ host: attempt.host, port: attempt.port }));
    case "unix":
      return await reach(connect({ path: attempt.what }));
    case "listen":
      return Deno.listen({ hostname: attempt.host, port: attempt.port }).close();
    case "resolve":
      return await Deno.resolveDns("localhost.", "A", { nameServer: { ipAddr: attempt.server, port: 53 } });
    case "read":
      return await Deno.readFile(attempt.what);
    case "write":
      return await Deno.writeTextFile(attempt.what, "x");
    case "run":
      return await new Deno.Command(attempt.what).output();
    case "ffi":
      return Deno.dlopen(attempt.what, {});
    case "env":
      return Deno.env.get(attempt.what);
    case "sys":
      return Deno.hostname();
    case "fetch":
      return await (await fetch(attempt.what)).body?.cancel();
    case "import":
      return await import(attempt.what);
    case "argon2": {
      const { hashSync } = createRequire(import.meta.url)("@node-rs/argon2-linux-x64-gnu");
      return hashSync("secret", {});
    }
    case "libraries":
      return await Promise.all([import("postgres"), import("ws"), import("undici"), import("zod")]);
    case "ask": {
      const { state } = await Deno.permissions.request({ name: "run" });
      if (state !== "granted") throw new Deno.errors.NotCapable("asked in vain");
      return;
    }
    case "worker":
      return await nested(attempt.permissions);
  }
}

function reach(socket: ReturnType<typeof connect>): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(2000, () => socket.destroy(new Error("ETIMEDOUT")));
    socket.once("connect", () => (socket.destroy(), resolve())).once("error", reject);
  });
}

function nested(permissions: Deno.PermissionOptions): Promise<void> {
  const code = "data:text/javascript,self.postMessage(1)";
  const worker = new Worker(code, { type: "module", deno: { permissions } } as WorkerOptions);
  return new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => (event.preventDefault(), reject(new Error(event.message)));
  }).finally(() => worker.terminate());
}
