import { waitFor } from "../../testing/wait_for.ts";
import { type Bed, makeBed } from "../backends/apt/sandbox_fixture_test.ts";

/** A sandbox host whose repository is served over HTTP, by a server that can be told to hold answers back. */
export interface GatedMirror extends AsyncDisposable {
  bed: Bed;
  /** From now on requests for such paths get no answer. */
  hold(paths: RegExp): void;
  /** Waits until one is held. */
  held(): Promise<void>;
  /** Answers what was held, and everything from now on. */
  release(): void;
}

/** Serves on a free port of 127.0.0.1. */
export async function gatedMirror(): Promise<GatedMirror> {
  let pattern: RegExp | null = null;
  let waiting: PromiseWithResolvers<void>[] = [];
  let folder = "";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (pattern?.test(path)) {
      const gate = Promise.withResolvers<void>();
      waiting.push(gate);
      await gate.promise;
    }
    // apt asks for %3a as it stands in the file's name.
    for (const name of [path, new URL(request.url).pathname]) {
      const content = await Deno.readFile(folder + name).catch(() => null);
      if (content !== null) return new Response(content);
    }
    return new Response("not found", { status: 404 });
  });
  const bed = await makeBed({
    uri: (repository) => {
      folder = repository.folder;
      return `http://127.0.0.1:${server.addr.port}`;
    },
  });
  const release = () => {
    pattern = null;
    waiting.forEach((gate) => gate.resolve());
    waiting = [];
  };
  return {
    bed,
    hold: (paths) => pattern = paths,
    held: async () => void await waitFor("a held request", () => waiting.length > 0, { deadline_ms: 30_000 }),
    release,
    async [Symbol.asyncDispose]() {
      release();
      await server.shutdown();
      await Deno.remove(bed.folder, { recursive: true });
    },
  };
}
