import type { Failure } from "../../executor/package_manager.ts";
import { repositoryRules } from "./repository_failures.ts";

/** One repository (address and suite) in a refresh. */
export interface RepositoryResult {
  /** `http://deb.example.com/debian bookworm-security`, as sources.list has it. */
  name: string;
  /** Null: it is fresh. */
  failure: Failure | null;
}

/** Names of repositories in one sentence. */
const NAMED = 3;

/**
 * Reads the output of `apt-get update -q`: each `Hit:`, `Get:`, `Ign:` and `Err:` line names a repository, and each
 * error names the one that it is about, by name or by a file's address.
 */
export function readRepositories(output: string): RepositoryResult[] {
  const statements = new Map<string, string[]>();
  for (const match of output.matchAll(/^(?:Hit|Get|Ign|Err):\d+ (\S+) ([^\s/]\S*?)(?:\/\S+)? /gm)) {
    const name = `${match[1]} ${match[2]}`;
    if (!statements.has(name)) statements.set(name, []);
  }
  for (const statement of output.split(/\n(?! )/)) {
    if (!/^(?:Err:\d+|[EW]:|Error:|Warning:) /.test(statement)) continue;
    // A file that a repository does not have (a misspelt component) is no failure of the refresh.
    if (/^(?:W|Warning): Skipping acquire/.test(statement)) continue;
    for (const [name, list] of statements) if (isAbout(statement, name)) list.push(statement);
  }
  return [...statements].map(([name, list]) => ({ name, failure: list.length > 0 ? judge(name, list) : null }));
}

/** `X dists/lab` is not about `X dists/lab-updates`: what follows the suite must end its name. */
function isAbout(statement: string, name: string): boolean {
  const [address, suite] = name.split(" ");
  const base = address.replace(/\/$/, "");
  for (const form of [`${address} ${suite} `, `${address} ${suite}/`, `${base}/dists/${suite}/`]) {
    if (statement.includes(form)) return true;
  }
  // A repository without suites: `deb http://x/ ./`.
  return suite.endsWith("/") && statement.includes(`${base}/${suite.replace(/^\.\//, "")}`);
}

function judge(name: string, statements: string[]): Failure {
  const text = statements.join("\n");
  const proxy = proxyOf(name, text);
  if (proxy !== null) {
    return {
      code: "NETWORK_ERROR",
      words:
        `The proxy ${proxy} cannot be reached. Check it, and Acquire::http::Proxy in /etc/apt/apt.conf.d on the host.`,
    };
  }
  for (const [pattern, code, words, more] of repositoryRules) {
    const match = pattern.exec(text);
    if (match) return { code, words: words(match), ...more };
  }
  return { code: "CACHE_REFRESH_ERROR", words: statements.at(-1)!.replace(/^\S+ /, "").trim() };
}

/** apt tells where it tried to connect. When that is not the repository's server, it is its proxy. */
function proxyOf(name: string, text: string): string | null {
  const server = /^https?:\/\/(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s]+)/.exec(name)?.[1];
  const tried = /(?:Could not|Unable to) connect to (\[[^\]]*\]|[^\s:]+):(\d+)/.exec(text);
  // Mirrors may be chosen by a service record, `deb.example.com` by `cdn.example.com`: only a failure counts.
  return server && tried && tried[1] !== server && !sameDomain(tried[1], server) ? `${tried[1]}:${tried[2]}` : null;
}

function sameDomain(a: string, b: string): boolean {
  const domain = (host: string) => host.split(".").slice(-2).join(".");
  return /[a-z]/i.test(a) && domain(a) === domain(b);
}

/** Which repositories failed, why, and how the others are; null when the output names none that failed. */
export function explainRefresh(output: string): Failure | null {
  const results = readRepositories(output);
  const failed = results.filter((result) => result.failure !== null);
  if (failed.length === 0) return null;
  const byWords = new Map<string, string[]>();
  for (const { name, failure } of failed) {
    byWords.set(failure!.words, [...byWords.get(failure!.words) ?? [], name]);
  }
  const sentences = [...byWords].slice(0, NAMED).map(([words, names]) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    return `${names.slice(0, NAMED).join(", ")}${more}: ${ended(words)}`;
  });
  const others = byWords.size - sentences.length;
  if (others > 0) sentences.push(`Further reasons: ${others}.`);
  const fresh = results.length - failed.length;
  sentences.push(
    fresh === 0
      ? "No repository could be refreshed."
      : `${fresh} of ${results.length} repositories ${fresh === 1 ? "is" : "are"} fresh.`,
  );
  const { code, clock } = failed.find(({ failure }) => failure!.clock)?.failure ?? failed[0].failure!;
  return { code, words: sentences.join(" "), ...(clock ? { clock } : {}) };
}

const ended = (words: string) => /[.!?]$/.test(words) ? words : `${words}.`;
