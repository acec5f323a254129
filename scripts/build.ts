import * as esbuild from "esbuild";
import { generate } from "../web/generate.ts";
import { planSite, tableOf } from "../web/plan.ts";
import type { AssetManifest, RouteEntry, RouteFile } from "../web/types.ts";
import { writeBlocklist } from "./blocklist.ts";

export interface BuildOptions {
  /** Holds routes/, islands/, static/. Absolute; default: this project. */
  root?: string;
  /** Generated modules; default `<root>/gen`. */
  gen?: string;
  /** Result; default `<root>/dist`. */
  dist?: string;
  /** Folder with styles/app.css, icons.json and images; default `<root>/static`. */
  static?: string;
  /** Readable output with source maps. */
  dev?: boolean;
}

/** What a build made, and how long it took. */
export interface BuildResult {
  manifest: AssetManifest;
  /** The route table, as declared. */
  routes: RouteEntry[];
  /** Milliseconds, whole build. */
  duration: number;
}

const PROJECT = import.meta.dirname!.replace(/\/[^/]*$/, "");

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  map: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/**
 * Builds everything that the site needs: generated modules, client bundle, styles, fonts, icons, manifest, and the list of
 * common passwords.
 * @throws Error naming the files to correct, when routes break a convention or an island pulls in a schema library
 */
export async function build(options: BuildOptions = {}): Promise<BuildResult> {
  const begun = performance.now();
  const root = options.root ?? PROJECT;
  const dist = options.dist ?? `${root}/dist`;
  const folder = options.static ?? `${root}/static`;
  const { client, server, islands } = await generate({
    root,
    gen: options.gen ?? `${root}/gen`,
    web: `${PROJECT}/web`,
  });
  const [bundled, routes, images, documentation] = await Promise.all([
    bundle(client, `${folder}/styles/app.css`, options.dev ?? false),
    verifyRoutes(server),
    readImages(folder),
    readApiDocs(folder),
  ]);
  refuseSchemas(bundled.metafile, client);
  const files = new Map(bundled.outputFiles.map(({ path, contents }) => [path.slice(OUT.length + 1), contents]));
  const names: Record<string, string> = {};
  for (const [name, content] of [...images, ...documentation]) {
    const hashed = name.replace(/(\.\w+)$/, `-${await shortHash(content)}$1`);
    files.set(hashed, content);
    names[name] = hashed;
  }
  const manifest = await describe(files, names, bundled.metafile, islands);
  await Promise.all([writeAssets(dist, files, manifest), writeBlocklist(PROJECT, dist)]);
  return { manifest, routes, duration: performance.now() - begun };
}

/** Checks what route modules really export, as the site does when it starts. */
export async function verifyRoutes(server: string): Promise<RouteEntry[]> {
  const { routes } = await import(`file://${server}`) as { routes: RouteFile[] };
  return tableOf(planSite<never>(routes));
}

const OUT = "/assets";

async function bundle(client: string, styles: string, dev: boolean) {
  const result = await esbuild.build({
    entryPoints: [{ in: client, out: "client" }, { in: styles, out: "app" }],
    outdir: OUT,
    publicPath: "/assets",
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["es2024", "chrome125", "firefox128", "safari18"],
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".woff2": "file" },
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    assetNames: "[name]-[hash]",
    minify: !dev,
    sourcemap: dev ? "linked" : false,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  return { metafile: result.metafile, outputFiles: result.outputFiles };
}

/** A value import of a schema makes an island 97 KB instead of 8: types are enough for the browser. */
function refuseSchemas(metafile: esbuild.Metafile, client: string): void {
  const wrong = Object.entries(metafile.inputs).filter(([path]) => /\/node_modules\/zod\//.test("/" + path));
  if (wrong.length === 0) return;
  const importers = Object.entries(metafile.inputs)
    .filter(([path, input]) => !/node_modules/.test(path) && input.imports.some(({ path }) => /\/zod\//.test(path)))
    .map(([path]) => path);
  throw new Error(
    `zod reached the browser (from ${client}) through ${importers.join(", ")}. Islands and components import core ` +
      `with "import type" only.`,
  );
}

async function readImages(folder: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const images = new Map<string, Uint8Array<ArrayBuffer>>();
  const names: string[] = JSON.parse(await Deno.readTextFile(`${folder}/icons.json`));
  images.set("icons.svg", new TextEncoder().encode(await makeSprite(names)));
  for await (const { name, isFile } of Deno.readDir(`${folder}/images`)) {
    if (isFile) images.set(name, await Deno.readFile(`${folder}/images/${name}`));
  }
  return images;
}

/**
 * One file of `<symbol>`s, used as `icons.svg#name`.
 * @throws Error for a name that lucide does not have
 */
export async function makeSprite(names: readonly string[]): Promise<string> {
  const symbols = await Promise.all(
    [...names].sort().map(async (name) => {
      if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`icons.json: "${name}" is no icon name.`);
      const path = `${PROJECT}/node_modules/lucide-static/icons/${name}.svg`;
      const text = await Deno.readTextFile(path).catch(() => {
        throw new Error(`icons.json: lucide has no icon named "${name}".`);
      });
      const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(text)![1].replaceAll(/\s*\n\s*/g, "");
      return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
        `stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
}

/** Swagger UI, for the page of the API: as it is published, with our rules behind its own. */
async function readApiDocs(folder: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const own = await Deno.readTextFile(`${folder}/swagger_ui.css`).catch(() => null);
  if (own === null) return new Map();
  const published = `${PROJECT}/node_modules/swagger-ui-dist`;
  const read = async (name: string) =>
    // A browser would look for the map, which is not served.
    (await Deno.readTextFile(`${published}/${name}`)).replace(/\n?(\/\/|\/\*)# sourceMappingURL=[^\n]*\s*$/, "");
  const encoder = new TextEncoder();
  return new Map([
    ["swagger-ui.js", encoder.encode(await read("swagger-ui-bundle.js"))],
    ["swagger-ui.css", encoder.encode(`${await read("swagger-ui.css")}\n${own}`)],
  ]);
}

async function describe(
  files: Map<string, Uint8Array>,
  names: Record<string, string>,
  { outputs, inputs: _ }: esbuild.Metafile,
  islands: Map<string, string>,
): Promise<AssetManifest> {
  const publicName = (path: string) => path.split("/").at(-1)!;
  const imports = (path: string): string[] =>
    outputs[path].imports.filter(({ kind }) => kind === "import-statement").flatMap(({ path }) => [
      publicName(path),
      ...imports(path),
    ]);
  const all = Object.entries(outputs);
  const entry = all.find(([path, { entryPoint }]) => entryPoint && /\/client-[^/]+\.js$/.test(path));
  const ofIslands: Record<string, string[]> = {};
  for (const [name, file] of islands) {
    const found = all.find(([, { entryPoint }]) => entryPoint && resolve(entryPoint) === file);
    if (found) ofIslands[name] = [...new Set([publicName(found[0]), ...imports(found[0])])];
  }
  const sorted = [...files.keys()].sort();
  return {
    build: await shortHash(new TextEncoder().encode(sorted.join("\n"))),
    entry: entry ? publicName(entry[0]) : null,
    entryImports: entry ? [...new Set(imports(entry[0]))] : [],
    // What has a source name is asked for by the page that needs it.
    styles: sorted.filter((name) => name.endsWith(".css") && !Object.values(names).includes(name)),
    fonts: sorted.filter((name) => name.startsWith("inter-latin-wght") && name.endsWith(".woff2")),
    islands: ofIslands,
    names,
    files: Object.fromEntries(
      sorted.map((name) => [name, { type: TYPES[name.split(".").at(-1)!], size: files.get(name)!.length }]),
    ),
  };
}

/** esbuild names inputs relative to where it runs. */
function resolve(path: string): string {
  return new URL(path, `file://${Deno.cwd()}/`).pathname;
}

async function shortHash(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex().slice(0, 10);
}

async function writeAssets(dist: string, files: Map<string, Uint8Array>, manifest: AssetManifest): Promise<void> {
  await Deno.mkdir(`${dist}/assets`, { recursive: true });
  for await (const { name } of Deno.readDir(`${dist}/assets`)) {
    if (!files.has(name)) await Deno.remove(`${dist}/assets/${name}`);
  }
  await Promise.all([...files].map(([name, content]) => Deno.writeFile(`${dist}/assets/${name}`, content)));
  await Deno.writeTextFile(`${dist}/manifest.json`, JSON.stringify(manifest, null, 2) + "\n");
}

/** Ends esbuild's own process; without it a test or script does not end. */
export async function stopBundler(): Promise<void> {
  await esbuild.stop();
}

if (import.meta.main) {
  try {
    const { manifest, routes, duration } = await build({ dev: Deno.args.includes("--dev") });
    const bytes = Object.values(manifest.files).reduce((sum, { size }) => sum + size, 0);
    console.log(
      `Built ${routes.length} routes, ${Object.keys(manifest.islands).length} islands, ` +
        `${Object.keys(manifest.files).length} assets (${Math.round(bytes / 1024)} KiB) in ${Math.round(duration)} ms.`,
    );
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    Deno.exitCode = 1;
  } finally {
    await stopBundler();
  }
}
