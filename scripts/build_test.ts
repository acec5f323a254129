import assert from "node:assert/strict";
import { build, type BuildOptions, makeSprite, stopBundler } from "./build.ts";

const PAGE = `export const access = { role: "anonymous", scope: "none", audit: null };\nexport default () => null;\n`;
const ISLAND = `export default function Island() { return null; }\n`;
// Below the project, because that is where bare imports of a built file are looked for.
const HERE = new URL("../gen/", import.meta.url).pathname;

/** A project of the given files, built; removed afterwards. */
async function buildOf(
  files: Record<string, string>,
  check: (
    result: () => ReturnType<typeof build>,
    options: Required<Pick<BuildOptions, "root" | "dist">>,
  ) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(HERE, { recursive: true });
  const root = await Deno.makeTempDir({ dir: HERE, prefix: "build-test-" });
  try {
    const all = {
      "static/styles/app.css": "body { margin: 0 }",
      "static/icons.json": '["server"]',
      "static/images/mark.svg": "<svg/>",
      ...files,
    };
    for (const [path, text] of Object.entries(all)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await check(() => build({ root }), { root, dist: `${root}/dist` });
  } finally {
    await Deno.remove(root, { recursive: true });
    await stopBundler();
  }
}

const quiet = { sanitizeResources: false, sanitizeOps: false };

Deno.test("projects that break a rule are refused with the file to correct", quiet, async () => {
  for (
    const [files, words] of [
      [
        { "routes/a.tsx": "export default () => null;" },
        /routes\/a\.tsx: no access is declared. Add: export const access/,
      ],
      [{ "routes/a.tsx": "// export const access\nexport default () => null;" }, /routes\/a\.tsx: no access/],
      [{ "routes/a.tsx": PAGE.replace("none", "some") }, /routes\/a\.tsx: access.scope must be/],
      [{ "routes/B.tsx": PAGE }, /routes\/B\.tsx: "B" is no URL segment/],
      [
        {
          "routes/api/v1/a.ts": `import { OpenAPIHono } from "@hono/zod-openapi";\nexport const access = {};\n` +
            `export default new OpenAPIHono().get("/secret", (c) => c.text(""));\n`,
        },
        /routes\/api\/v1\/a\.ts: GET \/secret has no access/,
      ],
      [
        { "islands/a.tsx": `import { z } from "zod";\n${ISLAND}export const s = z.string();` },
        /zod reached the browser.*islands\/a\.tsx/,
      ],
      [{ "static/icons.json": '["no-such-icon"]' }, /lucide has no icon named "no-such-icon"/],
      [{ "static/icons.json": '["../LICENSE"]' }, /is no icon name/],
      [{ "static/styles/app.css": '@import "./missing.css";' }, /missing\.css/],
    ] as [Record<string, string>, RegExp][]
  ) await buildOf(files, async (run) => void await assert.rejects(run, words));
});

Deno.test("a build lists every file that it wrote, and only those are left", quiet, async () => {
  await buildOf({ "routes/index.tsx": PAGE, "islands/clock.tsx": ISLAND }, async (run, { root, dist }) => {
    await Deno.mkdir(`${dist}/assets`, { recursive: true });
    await Deno.writeTextFile(`${dist}/assets/old-1.js`, "stale");
    const { manifest, routes } = await run();
    const written = [...Deno.readDirSync(`${dist}/assets`)].map(({ name }) => name).sort();
    assert.deepEqual(written, Object.keys(manifest.files).sort());
    for (const name of written) {
      assert.match(name, /-[0-9a-zA-Z]{8,10}\.\w+$/);
      assert.equal(Deno.statSync(`${dist}/assets/${name}`).size, manifest.files[name].size);
    }
    assert.deepEqual(routes.map(({ pattern }) => pattern), ["/"]);
    assert.equal(manifest.islands.clock.length > 0, true);
    assert.match(
      Deno.readTextFileSync(`${root}/gen/client.ts`),
      /"clock": \(\) => import\("\.\.\/islands\/clock\.tsx"\)/,
    );
  });
});

Deno.test("the build's name changes with its content and with nothing else", quiet, async () => {
  await buildOf({ "routes/index.tsx": PAGE }, async (run, { root }) => {
    const first = await run();
    const before = Deno.statSync(`${root}/gen/server.ts`).mtime;
    const second = await run();
    assert.equal(second.manifest.build, first.manifest.build);
    assert.deepEqual(Deno.statSync(`${root}/gen/server.ts`).mtime, before);
    await Deno.writeTextFile(`${root}/static/styles/app.css`, "body { margin: 1px }");
    assert.notEqual((await run()).manifest.build, first.manifest.build);
  });
});

Deno.test("a project without routes and islands builds", quiet, async () => {
  await buildOf({}, async (run) => assert.deepEqual((await run()).routes, []));
});

Deno.test("the sprite has the named icons as symbols, without size or script", async () => {
  const text = await makeSprite(["server", "check"]);
  assert.deepEqual([...text.matchAll(/<symbol id="([^"]+)"/g)].map(([, id]) => id), ["check", "server"]);
  assert.doesNotMatch(text, /<script|style=|<!--/);
});
