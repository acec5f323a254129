import assert from "node:assert/strict";
import { createLog } from "../log.ts";
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
