import type { z } from "zod";
import { reason } from "../errors.ts";
import { type FileRead, type Machine, thisMachine } from "./machine.ts";
import { nearest } from "./nearest.ts";
import { readToml } from "./toml.ts";
import { allKeys, type Config, type Key, sections } from "./types.ts";

/** Where the configuration lies when nobody says otherwise. */
export const DEFAULT_FILE = "/etc/patch-manager/config.toml";

const PREFIX = "PATCH_MANAGER__";

/** One thing wrong: where (`FILE:LINE` or the name of a variable), what, and what to do. */
export interface ConfigProblem {
  where: string;
  /** `section.name`, empty when the whole file is meant. */
  key: string;
  problem: string;
  hint: string;
}

/** Everything that is wrong with the configuration, at once. */
export class ConfigError extends Error {
  constructor(readonly problems: ConfigProblem[]) {
    super(problems.map(problemLine).join("\n"));
    this.name = "ConfigError";
  }
}

/** A problem as one line for people. */
export function problemLine({ where, key, problem, hint }: ConfigProblem): string {
  return `${where}: ${key ? `${key}: ` : ""}${problem}${hint ? ` ${hint}` : ""}`;
}

/** Where a value came from: `default`, `FILE:LINE`, the name of a variable, or the path of a secret's file. */
export type Origins = Record<string, string>;

export interface LoadedConfig {
  config: Config;
  /** By `section.name`. */
  origins: Origins;
  /** The files that hold secrets; they are read again on a reload. */
  secret_files: string[];
  /** The file that was read; null when there is none and none was asked for. */
  file: string | null;
}

/** A value that somebody gave, not checked yet. */
interface Given {
  value: unknown;
  where: string;
  elements?: { line: number; where: string }[];
}

const KEYS = new Map(allKeys().map((entry) => [`${entry.section}.${entry.name}`, entry.key]));
const NAMES = [...KEYS].flatMap(([name, key]) => key.secret ? [name, `${name}_file`] : [name]);

/**
 * Reads the configuration: defaults, then the file, then systemd credentials, then the environment.
 *
 * @param file the file asked for by `--config`; without it {@link DEFAULT_FILE}, which may be missing
 * @throws ConfigError naming everything that is wrong
 */
export function loadConfig(file?: string, machine: Machine = thisMachine()): LoadedConfig {
  const problems: ConfigProblem[] = [];
  const given = new Map<string, Given>();
  const path = file ?? DEFAULT_FILE;
  const read = machine.read(path);
  let mode = 0;
  if ("problem" in read) {
    if (file !== undefined || !read.missing) {
      problems.push({ where: path, key: "", problem: `The file ${read.problem}.`, hint: "" });
    }
  } else {
    mode = read.mode;
    readFileValues(path, read, given, problems);
  }
  readCredentials(machine, given, problems);
  readVariables(machine.env, given, problems);
  readSecretFiles(machine, given, problems);
  const origins: Origins = {};
  const values = check(given, origins, problems);
  if (problems.length === 0) checkTogether(values, given, mode, path, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = values as unknown as Config;
  config.pki.directory ??= `${config.state.directory.replace(/\/+$/, "")}/pki`;
  const secret_files = [...KEYS].filter(([name, key]) => key.secret && origins[name].startsWith("/"))
    .map(([name]) => origins[name]).filter((origin) => !origin.startsWith(`${path}:`));
  return { config, origins, secret_files, file: "problem" in read ? null : path };
}

function readFileValues(path: string, read: FileRead, given: Map<string, Given>, problems: ConfigProblem[]): void {
  if (read.mode & 0o002) {
    problems.push({ where: path, key: "", problem: "Everybody may write this file.", hint: `Run: chmod o-w ${path}` });
  }
  const toml = readToml(read.text);
  if (toml.broken) {
    problems.push({
      where: `${path}:${toml.broken.line}`,
      key: "",
      problem: `This is not TOML: ${toml.broken.problem}.`,
      hint: 'Expected lines like [section] and key = "value".',
    });
  }
  for (const { name, line } of toml.sections) {
    if (!Object.hasOwn(sections, name)) {
      problems.push({
        where: `${path}:${line}`,
        key: name,
        problem: "There is no such section.",
        hint: didYouMean(name, Object.keys(sections)),
      });
    }
  }
  for (const entry of toml.entries) {
    const where = `${path}:${entry.line}`;
    const elements = entry.elements.map((line) => ({ line, where: `${path}:${line}` }));
    if (NAMES.includes(entry.key)) given.set(entry.key, { value: entry.value, where, elements });
    else if (Object.hasOwn(sections, entry.key.split(".", 1)[0]) || !entry.key.includes(".")) {
      problems.push({ where, key: entry.key, problem: "There is no such key.", hint: keyHint(entry.key) });
    } else if (!toml.sections.some(({ name }) => entry.key.startsWith(`${name}.`))) {
      problems.push({ where, key: entry.key, problem: "There is no such section.", hint: keyHint(entry.key) });
    }
  }
}

/** systemd puts secrets (LoadCredential=database.url:FILE) into files named after the key. */
function readCredentials(machine: Machine, given: Map<string, Given>, problems: ConfigProblem[]): void {
  const folder = machine.env.CREDENTIALS_DIRECTORY;
  if (!folder) return;
  for (const [name, key] of KEYS) {
    if (!key.secret) continue;
    const path = `${folder}/${name}`;
    const read = machine.read(path);
    if ("problem" in read) {
      if (!read.missing) {
        problems.push({ where: path, key: name, problem: `The credential ${read.problem}.`, hint: "" });
      }
      continue;
    }
    const rival = given.get(name) ?? given.get(`${name}_file`);
    if (rival) problems.push(twice(path, name, rival.where));
    given.set(name, { value: read.text.trim(), where: path });
  }
}

function readVariables(env: Record<string, string>, given: Map<string, Given>, problems: ConfigProblem[]): void {
  const byVariable = new Map(NAMES.map((name) => [PREFIX + name.toUpperCase().replace(".", "__"), name]));
  for (const variable of Object.keys(env).filter((name) => name.startsWith(PREFIX)).sort()) {
    const name = byVariable.get(variable);
    if (name === undefined) {
      problems.push({
        where: variable,
        key: "",
        problem: "There is no such variable.",
        hint: didYouMean(variable, [...byVariable.keys()]),
      });
    } else {
      const base = name.replace(/_file$/, "");
      if (KEYS.get(base)?.secret) { for (const other of [base, `${base}_file`]) given.delete(other); }
      given.set(name, { value: fromText(KEYS.get(name)?.form ?? "text", env[variable]), where: variable });
    }
  }
  if (env.DATABASE_URL !== undefined) {
    const rival = [...byVariable].find(([variable, name]) =>
      name.startsWith("database.") && name.includes("url") && variable in env
    );
    if (rival) problems.push(twice("DATABASE_URL", "database.url", rival[0]));
    for (const name of NAMES) if (name.startsWith("database.") && name.includes("url")) given.delete(name);
    given.set("database.url", { value: env.DATABASE_URL.trim(), where: "DATABASE_URL" });
  }
}

function fromText(form: Key["form"], text: string): unknown {
  const number = (part: string) => /^-?[0-9]+(\.[0-9]+)?$/.test(part) ? Number(part) : part;
  const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (form === "list") return parts;
  if (form === "numbers") return parts.map(number);
  return form === "number" ? number(text.trim()) : text.trim();
}

function readSecretFiles(machine: Machine, given: Map<string, Given>, problems: ConfigProblem[]): void {
  for (const [name, key] of KEYS) {
    const pointer = given.get(`${name}_file`);
    if (!key.secret || !pointer) continue;
    given.delete(`${name}_file`);
    const problem = (text: string, hint: string) =>
      problems.push({ where: pointer.where, key: `${name}_file`, problem: text, hint });
    const rival = given.get(name);
    if (rival) problems.push(twice(pointer.where, name, rival.where));
    if (typeof pointer.value !== "string" || !pointer.value.startsWith("/")) {
      problem("This is not as expected.", "Expected an absolute path.");
      continue;
    }
    const read = machine.read(pointer.value);
    if ("problem" in read) problem(`${pointer.value} ${read.problem}.`, "Expected a file that holds the value alone.");
    else if (read.mode & 0o007) {
      problem(`Everybody may use ${pointer.value}, which holds a secret.`, `Run: chmod o= ${pointer.value}`);
    } else given.set(name, { value: read.text.trim(), where: pointer.value });
  }
}

type Tree = Record<string, Record<string, unknown>>;

function check(given: Map<string, Given>, origins: Origins, problems: ConfigProblem[]): Tree {
  const values: Tree = {};
  for (const { section, name, key } of allKeys()) {
    const full = `${section}.${name}`;
    const found = given.get(full);
    origins[full] = found?.where ?? "default";
    values[section] ??= {};
    values[section][name] = structuredClone(key.fallback);
    if (!found) continue;
    const result = key.schema.safeParse(found.value);
    if (result.success) values[section][name] = result.data;
    else for (const issue of result.error.issues) problems.push(valueProblem(full, key, found, issue));
  }
  return values;
}

function valueProblem(full: string, key: Key, found: Given, issue: z.core.$ZodIssue): ConfigProblem {
  const at = issue.path[0];
  const element = typeof at === "number" && Array.isArray(found.value) ? found.value[at] : undefined;
  const shown = element ?? found.value;
  return {
    where: (typeof at === "number" ? found.elements?.[at]?.where : undefined) ?? found.where,
    key: typeof at === "number" ? `${full}[${at}]` : full,
    problem: key.secret
      ? issue.code === "custom" ? issue.message : "The value is not as expected."
      : `${display(shown)} is not as expected.`,
    hint: `Expected ${key.expected}.`,
  };
}

/** A value in a message: short, on one line. */
function display(value: unknown): string {
  const text = JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? String(inner) : inner) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function checkTogether(
  values: Tree,
  given: Map<string, Given>,
  mode: number,
  file: string,
  problems: ConfigProblem[],
): void {
  const { server, database } = values;
  const where = (name: string) => given.get(name)?.where ?? file;
  for (const [one, other] of [["certificate_file", "key_file"], ["key_file", "certificate_file"]]) {
    if (server[one] !== null && server[other] === null) {
      problems.push({
        where: where(`server.${one}`),
        key: `server.${one}`,
        problem: `${other} is missing.`,
        hint: "A certificate and its key come together.",
      });
    }
  }
  for (const name of ["owner_url", "web_url", "fleet_url"]) {
    if (database.url !== null && database[name] !== null) {
      problems.push({
        where: where(`database.${name}`),
        key: `database.${name}`,
        problem: `database.url is given too (${where("database.url")}).`,
        hint: "Keep either url alone, or the three logins.",
      });
    }
  }
  for (const [name, key] of KEYS) {
    const found = given.get(name);
    if (!key.secret || !found?.where.startsWith(`${file}:`)) continue;
    if (mode & 0o004 && hasPassword(String(found.value))) {
      problems.push({
        where: found.where,
        key: name,
        problem: "Everybody may read this file, and it holds a password.",
        hint: `Run: chmod o= ${file}`,
      });
    }
  }
}

function hasPassword(url: string): boolean {
  return /^[^:]+:\/\/[^/@]*:[^/@]+@/.test(url) || /[?&]password=/.test(url);
}

function twice(where: string, key: string, rival: string): ConfigProblem {
  return { where, key, problem: `This is given twice, also by ${rival}.`, hint: "Keep one of them." };
}

function keyHint(key: string): string {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const elsewhere = NAMES.find((name) => name.split(".")[1] === last);
  return didYouMean(key, NAMES) ||
    (elsewhere ? `Did you mean ${elsewhere}?` : `Known keys: patch-manager config example.`);
}

function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant ? `Did you mean ${meant}?` : known.length < 12 ? `Expected one of ${known.join(", ")}.` : "";
}

/** Words of a configuration that could not be read, one line per problem. */
export function configProblems(thrown: unknown): string[] {
  return thrown instanceof ConfigError ? thrown.problems.map(problemLine) : [reason(thrown)];
}
