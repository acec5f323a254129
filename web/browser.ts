import { type Browser, chromium } from "playwright-core";
import process from "node:process";

const CHROMIUM = "/usr/bin/chromium";

/** Whether browser tests can run here; with TEST_REQUIRE=all they run, and fail, where they cannot. */
export function browserMissing(): boolean {
  if (Deno.env.get("TEST_REQUIRE") === "all") return false;
  try {
    Deno.statSync(CHROMIUM);
    return false;
  } catch {
    return true;
  }
}

/** Starts a headless Chromium that asks nobody outside. */
export async function launchBrowser(): Promise<Browser> {
  const root = process.getuid?.() === 0;
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...(root ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Serves an application on a port of the machine's choice until it is stopped. */
export function serveLocally(fetch: (request: Request) => Response | Promise<Response>): {
  origin: string;
  stop(): Promise<void>;
} {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch);
  return { origin: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
}
