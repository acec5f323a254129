import type { Handler } from "hono";
import type { AssetSource } from "./types.ts";

/** A manifest without files: for sites, and tests, that serve none. */
export const NO_ASSETS: AssetSource = {
  manifest: { build: "none", entry: null, entryImports: [], styles: [], fonts: [], islands: {}, names: {}, files: {} },
  read: () => new Uint8Array(),
};

/** Reads assets below a folder: the build's `dist`, on disk or embedded in the executable. */
export async function assetsIn(folder: string): Promise<AssetSource> {
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/manifest.json`));
  return { manifest, read: (name) => Deno.readFile(`${folder}/assets/${name}`) };
}

/** Source names to addresses. */
export function assetNames({ manifest }: AssetSource): Record<string, string> {
  return Object.fromEntries(Object.entries(manifest.names).map(([name, file]) => [name, `/assets/${file}`]));
}

/**
 * Serves names that the manifest lists and nothing else: no path is ever built from what a client sent. Names
 * carry a hash of their content, so they are kept for a year and never asked for again (RFC 8246).
 */
export function serveAssets({ manifest, read }: AssetSource): Handler {
  const kept = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  return async (c) => {
    const name = c.req.param("name") ?? "";
    if (!Object.hasOwn(manifest.files, name)) return await c.notFound();
    const etag = `"${name}"`;
    const headers = {
      "content-type": manifest.files[name].type,
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      // An image opened on its own is a document; it must not be able to run anything either.
      "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
      etag,
    };
    if (c.req.header("if-none-match") === etag) return new Response(null, { status: 304, headers });
    let bytes = kept.get(name);
    if (!bytes) {
      bytes = Promise.resolve(read(name)).then((content) => new Uint8Array(content));
      kept.set(name, bytes);
      bytes.catch(() => kept.delete(name));
    }
    return new Response(await bytes, { headers });
  };
}
