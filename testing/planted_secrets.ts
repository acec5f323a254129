/**
 * Secrets that a test handed out, and what was logged meanwhile: neither passwords nor tokens nor cookies may ever turn up
 * in a log. Every test site looks at its own log when it is disposed of; a run of scripts/test.ts looks at everything
 * that was kept, across all tests and processes (scripts/test/leaked_secrets.ts).
 */
const planted = new Set<string>();
const logs: string[] = [];

/** Shorter ones turn up by chance. */
const SHORTEST = 12;

/** Remembers a secret that must not turn up. @returns it */
export function plant(secret: string): string {
  if (secret.length >= SHORTEST) planted.add(secret);
  return secret;
}

/** Members of an answer whose values are secrets, wherever they stand. */
const SECRET_MEMBERS = /(^|_)(token|ticket|password|secret|codes?)$/;

/** Remembers the secrets of a JSON answer: tokens, tickets, passwords, recovery codes. */
export function plantFrom(json: unknown): void {
  if (Array.isArray(json)) return json.forEach(plantFrom);
  if (typeof json !== "object" || json === null) return;
  for (const [name, value] of Object.entries(json)) {
    if (!SECRET_MEMBERS.test(name)) plantFrom(value);
    else for (const one of [value].flat()) if (typeof one === "string" && !NO_SECRET.test(one)) plant(one);
  }
}

/** `code` is also an error's name, in our words or in the system's: too_many_requests, ECONNREFUSED. */
const NO_SECRET = /^[A-Za-z]+(_[A-Za-z]+)*$/;

/** Remembers the values of cookies that are set, preferences left out. */
export function plantCookies(headers: Headers): void {
  for (const cookie of headers.getSetCookie()) {
    const value = /^__Host-(?!theme|rail)[A-Za-z0-9_-]+=([^;]+)/.exec(cookie)?.[1];
    if (value) plant(value);
  }
}

/** Keeps what a program logged or printed. A one-time password on a terminal is meant to be read: leave that line out. */
export function keepLog(text: string): void {
  logs.push(text);
}

/** Keeps the logs of programs that demo/child.ts started with this state folder. */
export async function keepLogsOf(state: string): Promise<void> {
  for (const { name } of await Array.fromAsync(Deno.readDir(`${state}/logs`)).catch(() => [])) {
    keepLog(await Deno.readTextFile(`${state}/logs/${name}`));
  }
}

/**
 * Fails when a secret stands in a text.
 * @param what where it was found, such as "the log of the site"
 */
export function assertNoSecret(text: string, what: string): void {
  for (const secret of planted) {
    const at = text.indexOf(secret);
    if (at < 0) continue;
    const around = text.slice(Math.max(0, at - 200), at) + "[HERE]" +
      text.slice(at + secret.length, at + secret.length + 100);
    throw new Error(`A secret that a test handed out stands in ${what}: …${around}…`);
  }
}

const folder = Deno.env.get("TEST_FOLDER");
if (folder !== undefined) {
  // One file each for every module that was loaded: the tests of a run are many workers.
  const name = `${folder}/kept-${crypto.randomUUID()}`;
  globalThis.addEventListener("unload", () => {
    Deno.writeTextFileSync(`${name}.secrets`, [...planted].join("\n"));
    Deno.writeTextFileSync(`${name}.logs`, logs.join("\n"));
  });
}
