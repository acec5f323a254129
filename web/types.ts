/** Methods that a route can answer. HEAD is answered from GET; everything else is 405. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const METHODS: readonly Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Who may call, from least to most; `agent` is a machine and stands outside that order. */
export type Role = "anonymous" | "agent" | "auditor" | "operator" | "admin";

export const ROLES: readonly Role[] = ["anonymous", "agent", "auditor", "operator", "admin"];

/** What a route says about itself. Without it the route is refused when the site is built and when it starts. */
export interface RouteAccess {
  /** The least role that may call. */
  role: Role;
  /** `hosts`: the answer is limited to the hosts the caller may see. */
  scope: "none" | "hosts";
  /** The audit action that a successful call leaves behind, or null when it changes nothing. */
  audit: string | null;
  /** Only for somebody who proved within the last ten minutes who they are; others are asked to confirm first. */
  recent?: true;
  /**
   * The answer tells of all hosts or people: for auditors and admins. Operators, who stand above auditors in what they
   * may change, know of their own hosts only, so they are not let in.
   */
  tells_all?: true;
}

/** `export const access` of a page file: one for all methods, or one per method where they differ. */
export type PageAccess = RouteAccess | Partial<Record<Method, RouteAccess>>;

/** `export const access` of an API file, keyed by `"METHOD /path"`; `/hosts/{id}` and `/hosts/:id` mean the same. */
export type ApiAccess = Record<`${Method} /${string}`, RouteAccess>;

export type RouteKind = "page" | "api" | "upgrade" | "static";

/** One line of the route table. */
export interface RouteEntry {
  method: Method;
  /** `/hosts/:id`: what logs, metrics and audit hold instead of the path. */
  pattern: string;
  access: RouteAccess;
  /** `routes/hosts/[id].tsx`, with forward slashes, from the project's root. */
  file: string;
  kind: RouteKind;
}

/** `export const config` of a page, layout or error file. */
export interface RouteConfig {
  /** Render without `_app`: the page writes its own `<html>`. */
  skipAppWrapper?: boolean;
  /** Render without the layouts of outer folders. */
  skipInheritedLayouts?: boolean;
}

/** A file below `routes/` with what it exports, as `gen/server.ts` lists them. */
export interface RouteFile {
  file: string;
  module: Record<string, unknown>;
}

/** Bundled files by their public name, and what pages need of them. Written by scripts/build.ts. */
export interface AssetManifest {
  /** Changes whenever any asset changes; a page of another build is loaded whole instead of swapped in. */
  build: string;
  /** Public name of the browser's entry module, or null when the site has none. */
  entry: string | null;
  /** Modules that the entry always loads. */
  entryImports: string[];
  /** Public names of style sheets. */
  styles: string[];
  /** Public names of fonts worth loading before the style sheet asks for them. */
  fonts: string[];
  /** Per island: its module and what that imports, for modulepreload. */
  islands: Record<string, string[]>;
  /** Source name (`icons.svg`, `favicon.svg`) to public name. */
  names: Record<string, string>;
  /** Public name to content type and size in bytes. Nothing else is served. */
  files: Record<string, { type: string; size: number }>;
}

/** Where assets come from: the build's manifest and a reader, from disk or from inside the executable. */
export interface AssetSource {
  manifest: AssetManifest;
  /** Bytes of a public name that the manifest lists. */
  read(name: string): Uint8Array | Promise<Uint8Array>;
}
