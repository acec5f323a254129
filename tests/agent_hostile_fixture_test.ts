import { waitFor } from "../testing/wait_for.ts";

/** A connection to the executor's socket on which anything at all can be sent. */
export interface RawConnection {
  /** Sends bytes or text; false when the other side has closed. */
  send(what: Uint8Array | string): Promise<boolean>;
  /** Sends a value as a line. */
  call(value: unknown): Promise<boolean>;
  /** Everything received so far, line by line. */
  readonly lines: string[];
  /** Settles when the other side has closed. */
  readonly closed: Promise<void>;
  readonly is_closed: boolean;
  close(): void;
}

/** Connects, reads everything, keeps it. @param reading false: never reads, as a peer that does not listen */
export async function rawConnection(socket: string, reading = true): Promise<RawConnection> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const lines: string[] = [];
  let rest = "";
  let is_closed = false;
  const closed = (async () => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; reading && (count = await connection.read(buffer)) !== null;) {
        const parts = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
        rest = parts.pop()!;
        lines.push(...parts);
      }
    } catch {
      // Reset, or closed by us: both are an end.
    }
    is_closed = reading;
  })();
  const send: RawConnection["send"] = async (what) => {
    const bytes = typeof what === "string" ? encoder.encode(what) : what;
    try {
      for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
      return true;
    } catch {
      return false;
    }
  };
  return {
    send,
    call: (value) => send(JSON.stringify(value) + "\n"),
    lines,
    closed,
    get is_closed() {
      return is_closed;
    },
    close() {
      try {
        connection.close();
      } catch {
        // The other side was first.
      }
    },
  };
}

/** What came of one line: the error's code, or the result. */
export interface Outcome {
  code: string | null;
  message: string;
  result: unknown;
}

/** Sends one value on a connection of its own and waits for what comes of it. */
export async function callOnce(socket: string, value: Record<string, unknown>): Promise<Outcome> {
  const connection = await rawConnection(socket);
  await connection.call(value);
  const outcome = await waitFor("an answer", () => readOutcome(connection, value.id), { deadline_ms: 60_000 });
  connection.close();
  await connection.closed;
  return outcome;
}

function readOutcome(connection: RawConnection, id: unknown): Outcome | null {
  const replies = connection.lines.map((line) => JSON.parse(line));
  const error = replies.find((reply) => reply.error && (reply.id === id || reply.id === 0))?.error;
  if (error) return { code: error.code, message: error.message, result: null };
  const mine = replies.filter((reply) => reply.id === id);
  if (!mine.some((reply) => reply.end)) {
    return connection.is_closed ? { code: "CLOSED", message: "closed without a word", result: null } : null;
  }
  return { code: null, message: "", result: JSON.parse(mine.map((reply) => reply.piece ?? "").join("")) };
}

/** Lines that no call is: each has to cost its sender the connection, in words. */
export function garbage(): [what: string, bytes: Uint8Array][] {
  const text = (words: string) => new TextEncoder().encode(words);
  const line = (value: unknown) => text(JSON.stringify(value) + "\n");
  const random = new Uint8Array(65_536);
  crypto.getRandomValues(random);
  random[40_000] = 10;
  const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  return [
    ["random bytes", random],
    ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xc3, 0x28, 0x7d, 10])],
    ["a surrogate in UTF-8", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22, 10])],
    ["zeros", new Uint8Array([0, 0, 0, 10])],
    ["another protocol", text("GET /api/v1/patches HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["half a value", text('{"id":1,"call":"hea\n')],
    ["two values in a line", text('{"id":1,"call":"health"}{"id":2,"call":"health"}\n')],
    ["a line of 2 MiB", new Uint8Array(2 ** 21).fill(0x20)],
    ["a value of 2 MiB", line({ id: 1, call: "x".repeat(2 ** 21) })],
    ["100,000 arrays deep", text(deep(100_000) + "\n")],
    ["400,000 objects deep, open", text('{"a":'.repeat(200_000) + "\n")],
    ["depth inside of a call", text(`{"id":1,"call":"start","order":${deep(100_000)}}\n`)],
    ["a number", line(1)],
    ["text", line("health")],
    ["null", line(null)],
    ["an array of calls", line([{ id: 1, call: "health" }])],
    ["no id", line({ call: "health" })],
    ["id 0, which answers bad lines", line({ id: 0, call: "health" })],
    ["a negative id", line({ id: -1, call: "health" })],
    ["a broken id", line({ id: 1.5, call: "health" })],
    ["an id beyond whole numbers", text('{"id":9007199254740993,"call":"health"}\n')],
    ["an id that is text", line({ id: "1", call: "health" })],
    ["an id that is an object", line({ id: { valueOf: 1 }, call: "health" })],
    ["a call that is a list", line({ id: 1, call: ["health"] })],
    ...[
      "exec",
      "eval",
      "shell",
      "constructor",
      "toString",
      "hasOwnProperty",
      "__proto__",
      "Health",
      "close",
      "idle",
      "",
    ]
      .map((call): [string, Uint8Array] => [`the call ${call || "without a name"}`, line({ id: 1, call })]),
    ["an extra key", line({ id: 1, call: "health", root: "/" })],
    ["a program to run", line({ id: 1, call: "health", program: "/bin/sh", args: ["-c", "id"] })],
    ["a prototype", text('{"id":1,"call":"health","__proto__":{"root":"/"}}\n')],
    ["a constructor", text('{"id":1,"call":"health","constructor":{"prototype":{"root":"/"}}}\n')],
    ["an age that is text", line({ id: 1, call: "patches", max_index_age_seconds: "0" })],
    ["an age below nothing", line({ id: 1, call: "patches", max_index_age_seconds: -1 })],
    ["an age without end", text('{"id":1,"call":"patches","max_index_age_seconds":1e999}\n')],
    ...["../../state_id", "/etc/shadow", "..", "", "*", "a".repeat(300_000), "0\n0", "%2e%2e%2f"].flatMap((job_id) =>
      ["job", "cancel", "remove"].map((call): [string, Uint8Array] => [
        `${call} of ${JSON.stringify(job_id).slice(0, 24)}`,
        line({ id: 1, call, job_id }),
      ])
    ),
    ...["-h", "--root=/", "--", "a b", "a;id", "$(id)", "`id`", "../x", "/bin/sh", "a\nb", "a\0", "", "a".repeat(257)]
      .map((name): [string, Uint8Array] => [
        `the service ${JSON.stringify(name).slice(0, 24)}`,
        line({
          ...{ id: 1, call: "service", name },
        }),
      ]),
  ];
}

/**
 * Names that act as something else when a package manager gets to see them (facts of each, measured): removals,
 * patterns, versions, suites, files, addresses, groups, options. `name` is a real package with an update.
 */
export function injectedNames(name: string): string[] {
  const stem = name.slice(0, -1);
  return [
    ...[
      `${name}-`,
      `${name}+`,
      `${stem}.`,
      `${stem}*`,
      `${stem}?`,
      `${name}_`,
      `.*`,
      `^${name}$`,
      "*",
      "?installed",
      "~i",
    ],
    ...["?name(.*)", "~nbash", "!~i", `${name}=*`, `${name}=1.0`, `${name}-=1.0-1`, `${name}/stable`, `${name}:any`],
    ...[`${name}:amd64-`, `${name},bash`, `${name} bash`, `${name}\nbash`, `${name}\0`, `${name}<2`, `!${name}`],
    ...[`@${name}`, "@core", `repo/${name}`, "http://127.0.0.1/x.deb", "/tmp/x.deb", "./x.deb", "../x.deb", "file:/x"],
    ...[
      "-o",
      "-oDpkg::Pre-Invoke::=id",
      "-o Dpkg::Pre-Invoke::=id",
      "--allow-unauthenticated",
      "--root=/",
      "--force-yes",
    ],
    ...["--", "-y", "--allow-downgrades", "--config-file=/tmp/x", "-c=/tmp/x", "--installroot=/", "--nogpgcheck"],
    ...["$(id)", "`id`", "a;id", "a|id", "a&&id", "${IFS}", "%s%n", "", " ", "__proto__", "constructor", "prototype"],
    ...["b\u0430sh", "\u202ebash", "bash\u200b", "a".repeat(256), "a".repeat(70_000), "\ud800"],
  ];
}
