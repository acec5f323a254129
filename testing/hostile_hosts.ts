import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { agentServer, envelope, type Handler, root } from "./agent_listener.ts";
import { makeLeaf, type TestPair } from "./tls.ts";

/** What must become of a hostile host. */
export interface HostileEnd {
  health: "healthy" | "degraded" | "unreachable" | "not answering";
  /** Of the health's reason; null: there is none. */
  reason: RegExp | null;
  /** Of the reason why its report was refused; null: it was not. */
  refused: RegExp | null;
  /** Of why its package poll failed; absent: it did not. */
  failed?: RegExp;
  /** Packages and updates that are stored of it. */
  stored: [packages: number, updates: number];
}

/** One way to be hostile: a real listener with a valid certificate of the fleet's root, and what comes of it. */
export interface Hostility {
  name: string;
  /** Answers of its own by path; the others are honest ones. */
  answers: Record<string, Handler>;
  end: HostileEnd;
  /** Names in its certificate instead of its own. */
  certificate?: { dns: string[]; addresses: string[] };
}

const json = (text: string | Uint8Array): Handler => (_request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(text);
};
const data = (value: unknown) => json(envelope(value));

const HEALTH = "/api/v1/health",
  INFO = "/api/v1/system/info",
  PATCHES = "/api/v1/patches",
  PACKAGES = "/api/v1/packages";

export const HONEST: Record<string, Handler> = {
  [HEALTH]: data({ status: "healthy", version: "1.0", uptime_seconds: 1_000 }),
  [INFO]: data({ hostname: "h", os: "Debian GNU/Linux 12", os_id: "debian", machine_id_hash: "a".repeat(64) }),
  [PATCHES]: data({ patches: [patch("bash")], total: 1, state: "ok", index_age_seconds: 60 }),
  [PACKAGES]: data({ packages: [{ name: "bash", version: "1" }], total: 1 }),
};

function patch(name: string, change: Record<string, unknown> = {}) {
  return { name, current_version: "1", available_version: "2", severity: "low", ...change };
}

const list = (count: number, item: (index: number) => unknown) => Array.from({ length: count }, (_, i) => item(i));
const GIB = 2 ** 30;

/** Sends the same megabyte for as long as the other side takes it. */
function endless(announced: number | null): Handler {
  const piece = new Uint8Array(2 ** 20).fill(32);
  return (_request, response) => {
    response.writeHead(200, announced === null ? {} : { "content-length": String(announced) });
    let sent = 0;
    const more = () => {
      while (sent < GIB && !response.destroyed) {
        sent += piece.length;
        if (!response.write(piece)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  };
}

/** Calls `send` every `ms` until the other side has had enough. */
function dripping(
  ms: number,
  head: (request: IncomingMessage, response: ServerResponse) => void,
  send: string,
): Handler {
  return (request, response) => {
    head(request, response);
    const timer = setInterval(() => request.socket.write(send), ms);
    request.socket.on("close", () => clearInterval(timer));
  };
}

const redirect = (location: string): Handler => (_request, response) => {
  response.writeHead(302, { location });
  response.end();
};

/** 64 MiB of spaces in some 64 KiB. Made once. */
let bomb: Uint8Array | undefined;
const gzipped: Handler = (_request, response) => {
  bomb ??= gzipSync(new Uint8Array(64 * 2 ** 20).fill(32));
  response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
  response.end(bomb);
};

const healthy = { health: "healthy", reason: null } as const;
/** The report was refused; what health said stays. */
const refusedReport = (refused: RegExp): HostileEnd => ({ ...healthy, refused, stored: [0, 0] });
/** Health itself was refused; the report is a matter of its own. */
const refusedHealth = (reason: RegExp): HostileEnd => ({ health: "degraded", reason, refused: null, stored: [1, 1] });

/** Markup and marks of every kind, where a page shows a host's words. */
export const SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';

export const HOSTILITIES: Hostility[] = [
  {
    name: "1 GiB that is announced",
    answers: { [PATCHES]: endless(GIB) },
    end: refusedReport(/larger than 16 MiB/),
  },
  { name: "1 GiB in chunks", answers: { [PATCHES]: endless(null) }, end: refusedReport(/larger than 16 MiB/) },
  {
    name: "1 GiB as health",
    answers: { [HEALTH]: endless(null) },
    end: refusedHealth(/refused: .*larger than 256 KiB/),
  },
  {
    name: "a compressed bomb",
    answers: { [PACKAGES]: gzipped },
    end: refusedReport(/compressed, which was not asked/),
  },
  {
    name: "JSON 10,000 levels deep",
    answers: { [PATCHES]: json("[".repeat(10_000) + "]".repeat(10_000)) },
    end: refusedReport(/nested deeper than 32 levels/),
  },
  {
    name: "four million values",
    answers: { [PATCHES]: json(`{"success":true,"data":{"patches":[${"{},".repeat(2_000_000)}{}]}}`) },
    end: refusedReport(/more than 2,000,000 values/),
  },
  {
    name: "900,000 empty objects",
    answers: { [PATCHES]: json(`{"success":true,"data":{"patches":[${"{},".repeat(900_000)}{}]}}`) },
    end: refusedReport(/patches: Too big/),
  },
  {
    name: "wrong values without end",
    answers: { [PATCHES]: data({ patches: list(800, () => patch("a", { cve_ids: Array(2_000).fill(0) })) }) },
    end: refusedReport(/patches\.0\.cve_ids\.0/),
  },
  {
    name: "a package name of 10 MB",
    answers: { [PACKAGES]: data({ packages: [{ name: "a".repeat(10_000_000), version: "1" }] }) },
    end: refusedReport(/packages\.0\.name: Too big/),
  },
  {
    name: "one byte a second",
    answers: { [PATCHES]: dripping(100, (_request, response) => response.writeHead(200).flushHeaders(), "1\r\n \r\n") },
    end: { ...healthy, refused: null, failed: /took longer than/, stored: [0, 0] },
  },
  {
    name: "headers that never end",
    answers: {
      [PATCHES]: dripping(1, (request) => request.socket.write("HTTP/1.1 200 OK\r\n"), `x: ${"y".repeat(200)}\r\n`),
    },
    end: refusedReport(/head is larger than 16 KiB/),
  },
  {
    name: "another host's certificate",
    answers: {},
    certificate: { dns: ["other.example.com"], addresses: ["127.0.0.9"] },
    end: {
      health: "not answering",
      reason: /TLS name mismatch: the certificate is for other\.example\.com, 127\.0\.0\.9/,
      refused: null,
      failed: /TLS name mismatch/,
      stored: [0, 0],
    },
  },
  {
    name: "another host's machine id",
    answers: { [INFO]: data({ hostname: "h", os: "Debian", machine_id_hash: "b".repeat(64) }) },
    end: {
      health: "degraded",
      reason: /another machine than the one that was enrolled/,
      refused: null,
      stored: [1, 1],
    },
  },
  {
    name: "a page instead of JSON",
    answers: {
      [PATCHES]: (_request, response) => {
        response.writeHead(200, { "content-type": "text/html" });
        response.end("<html>please log in</html>");
      },
    },
    end: refusedReport(/not valid JSON\. It calls itself text\/html/),
  },
  {
    name: "good JSON that calls itself something else",
    answers: {
      [PATCHES]: (_request, response) => {
        response.writeHead(200, { "content-type": "image/svg+xml" });
        response.end(envelope({ patches: [], state: "ok" }));
      },
    },
    end: { ...healthy, refused: null, stored: [1, 0] },
  },
  ...["https://127.0.0.1:9/", "http://169.254.169.254/latest", "file:///etc/passwd", "https://127.0.0.1:5432/"].map((
    to,
  ) => ({
    name: `a redirect to ${to}`,
    answers: { [PATCHES]: redirect(to) },
    end: { ...healthy, refused: /redirect \(HTTP 302\), which is never followed/, failed: /redirect/, stored: [0, 0] },
  } satisfies Hostility)),
  {
    name: "health by redirect",
    answers: { [HEALTH]: redirect("https://127.0.0.1:5432/") },
    end: refusedHealth(/never followed/),
  },
  {
    name: "scripts and marks in every word",
    answers: {
      [HEALTH]: data({
        status: "degraded",
        version: SCRIPT.slice(0, 64),
        problems: [SCRIPT, `\u202e${SCRIPT}\u001b[31m`],
      }),
      [INFO]: data({
        hostname: SCRIPT,
        os: SCRIPT,
        os_version: SCRIPT,
        kernel: SCRIPT,
        machine_id_hash: "a".repeat(64),
      }),
      [PATCHES]: data({
        patches: [patch("bash", { description: SCRIPT, repository: [SCRIPT], state_reason: SCRIPT, state: "held" })],
        index_error: SCRIPT,
      }),
    },
    end: { health: "degraded", reason: /<script>/, refused: null, stored: [1, 1] },
  },
  {
    name: "a script as a package's name",
    answers: { [PACKAGES]: data({ packages: [{ name: SCRIPT, version: "1" }] }) },
    end: refusedReport(/packages\.0\.name: is not a package name/),
  },
  {
    name: "a clock in 1970",
    answers: { [HEALTH]: data({ status: "healthy", last_cache_update: "1970-01-01T00:00:00Z" }) },
    end: { ...healthy, refused: null, stored: [1, 1] },
  },
  {
    name: "a clock in 2099",
    answers: { [HEALTH]: data({ status: "healthy", last_cache_update: "2099-01-01T00:00:00Z" }) },
    end: { health: "degraded", reason: /from the future/, refused: null, stored: [1, 1] },
  },
  {
    name: "a negative index age",
    answers: { [PATCHES]: data({ patches: [], index_age_seconds: -1 }) },
    end: refusedReport(/index_age_seconds: Too small/),
  },
  {
    name: "1e308 bytes",
    answers: { [PACKAGES]: data({ packages: [{ name: "a", version: "1", size_bytes: 1e308 }] }) },
    end: refusedReport(/size_bytes: Too big/),
  },
  {
    name: "a number beyond all numbers",
    answers: {
      [PACKAGES]: json('{"success":true,"data":{"packages":[{"name":"a","version":"1","size_bytes":1e999}]}}'),
    },
    end: refusedReport(/size_bytes: /),
  },
  {
    name: "NaN as a number",
    answers: { [HEALTH]: json('{"success":true,"data":{"status":"healthy","uptime_seconds":NaN}}') },
    end: refusedHealth(/not valid JSON/),
  },
  {
    name: "“NaN” as text",
    answers: { [HEALTH]: data({ status: "healthy", uptime_seconds: "NaN" }) },
    end: refusedHealth(/uptime_seconds: Invalid input/),
  },
  {
    name: "100,000 packages",
    answers: { [PACKAGES]: data({ packages: list(100_000, (i) => ({ name: `p${i}`, version: "1" })) }) },
    end: refusedReport(/packages: Too big/),
  },
  {
    name: "50,000 packages that no host ever had",
    answers: { [PACKAGES]: data({ packages: list(50_000, (i) => ({ name: `fresh${i}`, version: "1" })) }) },
    end: refusedReport(/no host had before, and may name 20,000 now/),
  },
  {
    name: "the same name a thousand times",
    answers: { [PACKAGES]: data({ packages: list(1_000, (i) => ({ name: "twin", version: String(i + 1) })) }) },
    end: { ...healthy, refused: null, stored: [1, 1] },
  },
  {
    name: "“not modified” to what has no tag",
    answers: { [PATCHES]: (_request, response) => void response.writeHead(304).end() },
    end: refusedReport(/no tag was sent/),
  },
  {
    name: "an error page with a message of control characters",
    answers: {
      [PATCHES]: (_request, response) => {
        response.writeHead(503);
        response.end(JSON.stringify({
          ...{ success: false, data: null },
          error: { code: "X", message: "\u001b[2J\u202egone\u0007" },
        }));
      },
    },
    end: { ...healthy, refused: /HTTP 503: \[2J gone \(X\)/, failed: /HTTP 503/, stored: [0, 0] },
  },
];

/** What answers for a hostile host: its own answers, and honest ones for everything else. */
export function hostileHandler({ answers }: Pick<Hostility, "answers">): Handler {
  const all = { ...HONEST, ...answers };
  return (request, response) => {
    const handler = all[request.url!.split("?")[0]];
    if (handler) return handler(request, response);
    response.writeHead(404).end();
  };
}

/** Starts one of them on a free port of 127.0.0.1. */
export async function startHostile(hostility: Hostility) {
  const pair: TestPair | undefined = hostility.certificate && await makeLeaf(root, hostility.certificate);
  return await agentServer(hostileHandler(hostility), pair);
}

/** As large as the protocol lets an answer be, and nothing wrong with it: what costs most. */
export const LARGEST: Hostility = {
  name: "the largest report that is taken",
  answers: {
    [PATCHES]: (request, response) => {
      largest ??= envelope({
        patches: list(9_000, (index) =>
          patch(`large${index}`, {
            description: "d".repeat(700),
            state_reason: "r".repeat(500),
            reboot_reason: "s".repeat(300),
          })),
        state: "ok",
      });
      json(largest)(request, response);
    },
  },
  end: { ...healthy, refused: null, stored: [1, 9_000] },
};
let largest: string | undefined;
