import type { Import, Source, Violation } from "./source.ts";

/** The nouns of core that everybody may use. */
const NOUNS = /^core\/(clock|ids|log|errors)\.ts$/;

interface Room {
  /** Rooms and files that may be imported with values. */
  values: RegExp[];
  /** Beside those, what may be imported with `import type` only. */
  types?: RegExp[];
  /** Packages that must not come in, and why. */
  refused?: [RegExp, string][];
}

const SERVER_PACKAGES: [RegExp, string] = [
  /^(hono|@hono\/node-server|ws|undici|preact|@preact\/.*)(\/.*)?$/,
  "core knows nothing of HTTP and pages: give it data and take data",
];

/** Who may import whom (docs: the house, "Direction of imports"). Rooms that are not here may import everything. */
const rooms: Record<string, Room> = {
  "main.ts": { values: [/^cli\//] },
  cli: { values: [/^(cli|routes|worker|core|protocol|web|agent)\//, /^deno\.json$/] },
  routes: {
    values: [/^(routes|web|components|islands|core|protocol|gen)\//],
    refused: [[/^(postgres|undici)$/, "routes hold no SQL and call no hosts: use a core use case"]],
  },
  web: { values: [/^(web|gen)\//, NOUNS] },
  components: { values: [/^(components|web)\//], types: [/^core\//] },
  islands: {
    values: [/^(components|islands)\//, /^web\/island/],
    types: [/^core\/([a-z_]+\/)?types(_[a-z_]+)?\.ts$/, /^core\/(views\/|wire\.ts$)/, /^routes\/api\//, /^protocol\//],
    refused: [[/^(zod|@hono\/zod-openapi|postgres|node:.*)$/, "a schema makes an island 97 KB instead of 8"]],
  },
  core: { values: [/^(core|protocol)\//], refused: [SERVER_PACKAGES] },
  protocol: { values: [/^protocol\//, NOUNS] },
  worker: { values: [/^(worker|core|protocol)\//] },
  agent: { values: [/^(agent|protocol)\//, NOUNS, /^deno\.json$/] },
};

/** Rooms that only tests, benches and the demo may use. */
const TEST_ROOMS = /^(testing|demo|tests|bench)\//;

/** What a test starts or reads, beside the code that it tests. */
const FIXTURE = /(^|\/)testdata\/|(^|[/_])fixture\.tsx?$/;

/** True for files that the product does not contain: they may import everything. */
export function isTestFile(path: string): boolean {
  return TEST_ROOMS.test(path) || FIXTURE.test(path) || /_test\.tsx?$/.test(path) ||
    /^scripts\/test(_[a-z_]+)?\.ts$/.test(path);
}

/** Imports that go the wrong way. */
export function checkDirection(source: Source): Violation[] {
  const { path } = source;
  return source.imports.flatMap((one) => {
    const advice = outside(one) ?? (isTestFile(path) ? null : wrongRoom(path, one) ?? insideCore(path, one));
    return advice === null ? [] : [{ path, line: one.line, rule: "imports", advice }];
  });
}

function outside({ specifier }: Import): string | null {
  return /^(https?:|jsr:|npm:)/.test(specifier)
    ? `${specifier} is not pinned: add it to the imports of deno.json and use the bare name`
    : null;
}

function wrongRoom(path: string, { specifier, target, type_only }: Import): string | null {
  const name = path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
  const room = Object.hasOwn(rooms, name) ? rooms[name] : null;
  if (target === null) {
    const refused = type_only ? undefined : room?.refused?.find(([packages]) => packages.test(specifier));
    if (refused) return `${specifier} does not belong in ${name}: ${refused[1]}`;
    if (specifier === "undici" && !type_only && name !== "scripts" && path !== "worker/agent_connection.ts") {
      return "only worker/agent_connection.ts opens connections to hosts: call worker/agent_client.ts instead";
    }
    return null;
  }
  if (TEST_ROOMS.test(target) && name !== "scripts") {
    return `only tests, benches and the demo import ${target.split("/")[0]}/: move what is needed`;
  }
  if (/_test\.tsx?$/.test(target) || FIXTURE.test(target)) {
    return "a test is not imported: move what is needed to testing/";
  }
  if (room === null || room.values.some((allowed) => allowed.test(target))) return null;
  if (room.types?.some((allowed) => allowed.test(target))) {
    return type_only ? null : `write import type: ${name} takes only types from ${target}`;
  }
  return `${name} must not import ${target}: pass it as an argument, or move it to a room below both`;
}

const CORE_ROOM = /^core\/([a-z_]+)\//;

function insideCore(path: string, { target }: Import): string | null {
  const own = CORE_ROOM.exec(path)?.[1];
  const other = target === null ? undefined : CORE_ROOM.exec(target)?.[1];
  if (own === undefined || other === undefined || !/\/store(_[a-z_]+)?\.ts$/.test(target!)) return null;
  if (own !== other) return `core/${other}'s store is private: use a use case or a type of that room`;
  if (/\/(rules|types)(_[a-z_]+)?\.ts$/.test(path)) return "rules and types are pure: take the rows as an argument";
  return null;
}

/** Modules that need each other to load. Types do not count: nothing of them is loaded. One violation a cycle. */
export function checkCycles(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const state = new Map<string, "open" | "done">();
  const found: Violation[] = [];
  const visit = (source: Source, trail: string[]) => {
    state.set(source.path, "open");
    for (const { target, type_only, line } of source.imports) {
      const next = target === null || type_only ? undefined : byPath.get(target);
      if (next === undefined || state.get(next.path) === "done") continue;
      if (state.get(next.path) === "open") {
        const cycle = [...trail, source.path].slice([...trail, source.path].indexOf(next.path));
        const advice = `${[...cycle, next.path].join(" → ")}: move what both need into a third file`;
        found.push({ path: source.path, line, rule: "cycle", advice });
      } else visit(next, [...trail, source.path]);
    }
    state.set(source.path, "done");
  };
  for (const source of sources) if (!state.has(source.path)) visit(source, []);
  return found;
}
