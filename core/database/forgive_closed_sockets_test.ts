import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { testFolder } from "../../testing/test_folder.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { createLog } from "../log.ts";
import { connect } from "./connection.ts";
import { codeOf, isClosedSocket, unavailable } from "./failure.ts";
import { forgiveClosedSockets } from "./forgive_closed_sockets.ts";

/** What the driver does, in a function of the same name. */
function nextWrite(socket: { write(): void } | null = null): never {
  socket!.write();
  throw new Error("the socket was there");
}

function thrownBy(work: () => never): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}

const closed = thrownBy(nextWrite);
const others: [string, unknown][] = [
  [
    "the same words from elsewhere",
    thrownBy(function send(): never {
      return (null as unknown as { write(): never }).write();
    }),
  ],
  [
    "another member",
    thrownBy(function nextWrite(): never {
      return (null as unknown as { read(): never }).read();
    }),
  ],
  ["an error that only says so", new Error("Cannot read properties of null (reading 'write')")],
  ["a text", "Cannot read properties of null (reading 'write') at nextWrite"],
];

Deno.test("a write to a closed connection is a lost connection, and nothing else is", () => {
  assert.equal(isClosedSocket(closed), true);
  assert.equal(unavailable(closed)?.code, "database_unavailable");
  for (const [what, error] of others) {
    assert.equal(isClosedSocket(error), false, what);
    assert.equal(unavailable(error), null, `${what}: ${codeOf(error)}`);
  }
});

Deno.test("only that error is forgiven, with a line in the log, and only as long as it is asked for", () => {
  const lines: string[] = [];
  const stop = forgiveClosedSockets(createLog({ write: (line) => void lines.push(line) }));
  const ends = (error: unknown) => globalThis.dispatchEvent(new ErrorEvent("error", { error, cancelable: true }));
  assert.equal(ends(closed), false, "prevented");
  assert.equal(JSON.parse(lines[0]).event, "database.connection_lost");
  for (const [what, error] of others) assert.equal(ends(error), true, what);
  stop();
  assert.equal(ends(closed), true, "no longer");
  assert.equal(lines.length, 1);
});

/** What PostgreSQL says to whom it throws out. */
const thrownOut = (() => {
  const fields = ["SFATAL", "VFATAL", "C57P01", "Mterminating connection due to administrator command", ""];
  const body = new TextEncoder().encode(fields.map((field) => `${field}\0`).join(""));
  const message = new Uint8Array(5 + body.length);
  message[0] = "E".charCodeAt(0);
  new DataView(message.buffer).setUint32(1, 4 + body.length);
  message.set(body, 5);
  return message;
})();

/** A server's socket that throws out, so often, whoever asks for the types: the driver, on each new connection. */
function cuttingProxy(server: string, folder: string, times: number) {
  const listener = Deno.listen({ transport: "unix", path: `${folder}/.s.PGSQL.5432` });
  const cut = { left: times };
  const serve = async (client: Deno.Conn) => {
    const inner = await Deno.connect({ transport: "unix", path: server });
    const close = () =>
      [client, inner].forEach((side) => {
        try {
          side.close();
        } catch {
          // Closed already.
        }
      });
    const answers = (async () => {
      for await (const bytes of inner.readable.values({ preventCancel: true })) await client.write(bytes);
    })().catch(() => {});
    for await (const bytes of client.readable.values({ preventCancel: true })) {
      if (cut.left > 0 && new TextDecoder().decode(bytes).includes("typarray")) {
        cut.left--;
        await client.write(thrownOut);
        break;
      }
      await inner.write(bytes);
    }
    close();
    await answers;
  };
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) served.push(serve(client).catch(() => {}));
  })();
  return {
    cut,
    socket: `${folder}/.s.PGSQL.5432`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(served);
    },
  };
}

Deno.test("a connection that is lost while the driver reads its types ends nothing", async () => {
  await using database = await testDatabase();
  await using folder = await testFolder("f-");
  await using proxy = cuttingProxy(database.socket, folder.path, 2);
  const lines: string[] = [];
  const stop = forgiveClosedSockets(createLog({ write: (line) => void lines.push(line) }));
  // Whoever waited for the connection is told, and asks again.
  const sql = await waitFor(
    "a connection",
    () => connect({ socket: proxy.socket, user: "patch_fleet", database: database.name, max: 1 }).catch(() => null),
  );
  try {
    assert.deepEqual([...await sql`select array['a', 'b'] as list`], [{ list: ["a", "b"] }], "types are known");
    assert.equal(proxy.cut.left, 0);
    const events = lines.map((line) => JSON.parse(line)).map(({ event, message }) => [event, message]);
    assert.deepEqual(events, [
      ["database.connection_lost", "The connection closed while it was being opened."],
      ["database.connection_lost", "The connection closed while it was being opened."],
    ]);
  } finally {
    await sql.end({ timeout: 5 });
    stop();
  }
});
