import { EXAMPLE } from "./access.ts";
import { fileRole } from "./patterns.ts";

export interface GenerateOptions {
  /** The project's root: holds `routes/` and `islands/`. Absolute. */
  root: string;
  /** Where the generated modules go. Absolute. */
  gen: string;
  /** The folder of the page frame. Absolute. */
  web: string;
}

/** What was found, for the build. */
export interface Generated {
  routes: string[];
  /** Island name (`host_table`, `live/clock`) to its file, absolute. */
  islands: Map<string, string>;
  server: string;
  client: string;
}

/**
 * Writes `gen/server.ts` (imports every route and island, so that type check and compile see them all) and
 * `gen/client.ts` (loads each island on its own).
 * @throws Error listing every route file that declares no access, with what to add
 */
export async function generate({ root, gen, web }: GenerateOptions): Promise<Generated> {
  const routes: string[] = [];
  const problems: string[] = [];
  for (const file of await filesBelow(root, "routes")) {
    const role = fileRole(file);
    if (!role) continue;
    routes.push(file);
    if (role.is !== "page" && role.is !== "api") continue;
    const text = await Deno.readTextFile(`${root}/${file}`);
    if (!/^export (const access\b|\{[^}]*\baccess\b)/m.test(text)) {
      problems.push(`${file}: no access is declared. Add: ${EXAMPLE}`);
    }
  }
  if (problems.length > 0) throw new Error(`Routes are not as expected:\n  ${problems.join("\n  ")}`);
  const islands = new Map<string, string>();
  for (const file of await filesBelow(root, "islands")) {
    if (!file.endsWith(".tsx") || file.endsWith("_test.tsx") || file.includes("/(_")) continue;
    islands.set(file.slice("islands/".length, -".tsx".length), `${root}/${file}`);
  }
  await Deno.mkdir(gen, { recursive: true });
  const server = `${gen}/server.ts`;
  const client = `${gen}/client.ts`;
  await writeChanged(server, serverSource(routes, islands, root, gen, web));
  await writeChanged(client, clientSource(islands, gen, web));
  return { routes, islands, server, client };
}

const NOTICE = "// Written by scripts/build.ts from the files in routes/ and islands/. Do not edit.\n";

function serverSource(
  routes: string[],
  islands: Map<string, string>,
  root: string,
  gen: string,
  web: string,
): string {
  const files = [...islands.values()];
  const imports = [
    `import type { RouteFile } from ${specifier(gen, `${web}/types.ts`)};`,
    ...routes.map((file, i) => `import * as route${i} from ${specifier(gen, `${root}/${file}`)};`),
    ...files.map((file, i) => `import island${i} from ${specifier(gen, file)};`),
  ];
  const list = routes.map((file, i) => `  { file: ${JSON.stringify(file)}, module: route${i} },\n`);
  const names = [...islands.keys()].map((name, i) => `  ${JSON.stringify(name)}: island${i},\n`);
  return `${NOTICE}${imports.join("\n")}\n\nexport const routes: RouteFile[] = [\n${list.join("")}];\n\n` +
    `export const islands = {\n${names.join("")}};\n`;
}

function clientSource(islands: Map<string, string>, gen: string, web: string): string {
  const loaders = [...islands].map(([name, file]) =>
    `  ${JSON.stringify(name)}: () => import(${specifier(gen, file)}),\n`
  );
  return `${NOTICE}import { start } from ${specifier(gen, `${web}/client.ts`)};\n\nstart({\n${loaders.join("")}});\n`;
}

/** A relative import, with the characters that a URL needs escaped. */
function specifier(from: string, to: string): string {
  const left = from.split("/");
  const right = to.split("/");
  let same = 0;
  while (same < left.length && left[same] === right[same]) same++;
  const up = "../".repeat(left.length - same) || "./";
  return JSON.stringify(up + right.slice(same).join("/"));
}

/** Files below a folder, sorted, relative to the root; none when the folder is missing. */
async function filesBelow(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${root}/${folder}`)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) found.push(...await filesBelow(root, path));
      else if (/\.tsx?$/.test(entry.name)) found.push(path);
    }
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  return found.sort();
}

/** An unchanged file keeps its time, so that watchers stay calm. */
async function writeChanged(path: string, text: string): Promise<void> {
  const before = await Deno.readTextFile(path).catch(() => "");
  if (before !== text) await Deno.writeTextFile(path, text);
}
