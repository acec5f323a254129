/** What a file below `routes/` is. `null` means that it is none of the site's business. */
export type FileRole =
  | { is: "page"; pattern: string; folder: string }
  | { is: "api"; prefix: string; folder: string }
  | { is: "app" | "layout" | "middleware" | "error"; folder: string };

const SPECIAL: Record<string, "app" | "layout" | "middleware" | "error"> = {
  _app: "app",
  _layout: "layout",
  _middleware: "middleware",
  _error: "error",
};

/**
 * Reads a file's path as the conventions say: `routes/hosts/[id].tsx` is the page `/hosts/:id`.
 * @param file path with forward slashes, starting with `routes/`
 * @throws Error that names the file when the name breaks a convention
 */
export function fileRole(file: string): FileRole | null {
  const parts = file.split("/").slice(1);
  const name = parts.pop() ?? "";
  const match = /^(.+?)\.tsx?$/.exec(name);
  if (!match || match[1].endsWith("_test") || parts.some((part) => part.startsWith("(_"))) return null;
  const stem = match[1];
  const folder = ["routes", ...parts].join("/");
  if (stem.startsWith("_")) {
    const is = SPECIAL[stem];
    if (!is) throw new Error(`${file}: names with a leading underscore are ${Object.keys(SPECIAL).join(", ")}.`);
    if (is === "app" && parts.length > 0) throw new Error(`${file}: there is one _app, in routes/; use _layout here.`);
    return { is, folder };
  }
  const segments = parts.filter((part) => !/^\(.+\)$/.test(part)).map((part) => segment(part, file));
  if (parts[0] === "api") return { is: "api", prefix: "/" + segments.join("/"), folder };
  if (stem !== "index") segments.push(segment(stem, file));
  const rest = segments.findIndex((part) => part.includes("{.+}"));
  if (rest !== -1 && rest !== segments.length - 1) throw new Error(`${file}: [...rest] must come last.`);
  return { is: "page", pattern: "/" + segments.join("/"), folder };
}

function segment(part: string, file: string): string {
  const dynamic = /^\[(\.\.\.)?([a-z][a-z0-9_]*)\]$/.exec(part);
  if (dynamic) return dynamic[1] ? `:${dynamic[2]}{.+}` : `:${dynamic[2]}`;
  if (!/^[a-z0-9.-]+$/.test(part)) {
    throw new Error(`${file}: "${part}" is no URL segment; use kebab-case, [name], [...name] or (group).`);
  }
  return part;
}

/** `/hosts/{id}` as `/hosts/:id`. */
export function colonPattern(path: string): string {
  return path.replaceAll(/\{([a-zA-Z_][a-zA-Z0-9_]*)\}/g, ":$1");
}

/** Orders patterns so that the more exact one is tried first: text before `:name` before `:name{.+}`. */
export function compareSpecificity(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = weight(left[i]) - weight(right[i]);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function weight(part: string | undefined): number {
  if (part === undefined) return 0;
  if (part.includes("{.+}") || part === "*") return 3;
  return part.startsWith(":") ? 2 : 1;
}

/** `routes/a/b` as `["routes", "routes/a", "routes/a/b"]`: where inherited files are looked for. */
export function foldersOf(folder: string): string[] {
  const parts = folder.split("/");
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}
