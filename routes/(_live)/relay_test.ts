import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Viewer } from "../../core/auth/types.ts";
import { systemClock } from "../../core/clock.ts";
import type { Sql } from "../../core/database/connection.ts";
import { appendEvent } from "../../core/live/append_event.ts";
import { lastEvent } from "../../core/live/read_events.ts";
import { silentLog } from "../../core/log.ts";
import { testDatabase } from "../../testing/database.ts";
import { addUser } from "../../testing/job_scenario.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { Relay, type Socket } from "./relay.ts";

/** The end of a socket that a test holds in its hands. */
class HeldSocket extends EventEmitter {
  readonly bufferedAmount = 0;
  readonly frames: { kind: string; data?: { n: number } }[] = [];
  send(text: string) {
    this.frames.push(JSON.parse(text));
  }
  close() {}
  terminate() {}
  ping() {}
  say(after_seq: number) {
    this.emit("message", JSON.stringify({ action: "subscribe", topics: [{ topic: "hosts", after_seq }] }), false);
  }
}

Deno.test("a flood of subscriptions costs a few readings, and the last one is answered", async () => {
  await using database = await testDatabase();
  const viewer = await addUser(database.sql, "admin");
  for (let n = 1; n <= 3; n++) await appendEvent(database.fleet, { topic: "hosts", kind: "test", data: { n } });
  let statements = 0;
  const counting = new Proxy(database.web, {
    apply: (target, self, args) => (statements++, Reflect.apply(target as never, self, args)),
  }) as Sql;
  const relay = new Relay(counting, systemClock, silentLog);
  await relay.start({
    on_event: () => () => {},
    on_revoked: () => () => {},
    on_renamed: () => () => {},
    connected: () => true,
  });
  try {
    const socket = new HeldSocket();
    relay.accept(socket as unknown as Socket, { ...viewer, session_id: viewer.id } as unknown as Viewer);
    const last = await lastEvent(database.web);
    statements = 0;
    for (let round = 0; round < 500; round++) socket.say(last);
    socket.say(last - 1);
    await waitFor("the answer", () => socket.frames.find(({ kind }) => kind === "following"));
    assert.deepEqual(socket.frames.flatMap(({ data }) => data?.n ?? []), [3], "of the last subscription");
    assert.ok(statements <= 12, `${statements} statements`);
    socket.say(last - 2);
    await waitFor("another answer", () => socket.frames.filter(({ kind }) => kind === "following").length === 2);
    assert.deepEqual(socket.frames.flatMap(({ data }) => data?.n ?? []), [3, 2, 3]);
  } finally {
    relay.stop();
  }
});
