import assert from "node:assert/strict";
import { waitFor } from "../../testing/wait_for.ts";
import { follow, type LiveFrame, type LiveStatus } from "./live.ts";

/** The browser's side of a socket, played by the test. */
class PlayedSocket {
  static opened: PlayedSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: { action: string; topics: { topic: string; after_seq: number }[] }[] = [];
  closed = false;
  constructor(readonly address: URL) {
    PlayedSocket.opened.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  hear(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

interface Played extends Disposable {
  events: LiveFrame[];
  statuses: LiveStatus[];
  reloads: number;
  went: string[];
  tickets: number;
  stop(): void;
  /** The next socket, once it is opened. */
  socket(number: number): Promise<PlayedSocket>;
  states(): string;
}

/** Follows two topics after event 7, in a browser whose network answers as `ticket` says. */
function play(ticket: (number: number) => Response | Promise<Response>): Played {
  const kept = { fetch: globalThis.fetch, WebSocket: globalThis.WebSocket, location: globalThis.location };
  PlayedSocket.opened = [];
  const played = { events: [], statuses: [], reloads: 0, went: [], tickets: 0 } as unknown as Played;
  const location = {
    href: "https://patch.example/jobs/1?host=2",
    pathname: "/jobs/1",
    search: "?host=2",
    assign: (to: string) => played.went.push(to),
  };
  const put = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  put("location", location);
  put("WebSocket", PlayedSocket);
  put("fetch", () => Promise.resolve(ticket(++played.tickets)));
  played.stop = follow({
    topics: ["jobs", "hosts"],
    after_seq: 7,
    on_event: (frame) => played.events.push(frame),
    on_reload: () => played.reloads++,
    on_status: (status) => played.statuses.push(status),
  });
  played.socket = (number) => waitFor(`socket ${number}`, () => PlayedSocket.opened[number - 1], { every_ms: 2 });
  played.states = () => played.statuses.map(({ state }) => state).join(" ");
  played[Symbol.dispose] = () => {
    played.stop();
    for (const [name, value] of Object.entries(kept)) put(name, value);
  };
  return played;
}

const good = (number: number) => Response.json({ ticket: `ticket-${number}` });
const online = () => void dispatchEvent(new Event("online"));

Deno.test("a session that has ended leads to the login page and back, by ticket and by socket", async () => {
  const login = "/login?next=%2Fjobs%2F1%3Fhost%3D2";
  {
    using played = play(() => new Response(null, { status: 401 }));
    await waitFor("the login page", () => played.went.length > 0);
    assert.deepEqual(played.went, [login]);
    assert.equal(PlayedSocket.opened.length, 0);
  }
  using played = play(good);
  const socket = await played.socket(1);
  socket.onclose?.({ code: 4401 });
  assert.deepEqual(played.went, [login]);
  assert.equal(played.states(), "", "no word of reconnecting: the page goes away");
});

Deno.test("each try takes a new ticket and goes on after the last number that was seen", async () => {
  using played = play(good);
  const first = await played.socket(1);
  assert.equal(first.address.href, "wss://patch.example/api/v1/ws/jobs?ticket=ticket-1");
  first.onopen?.();
  assert.deepEqual(first.sent, [{
    action: "subscribe",
    topics: [{ topic: "jobs", after_seq: 7 }, { topic: "hosts", after_seq: 7 }],
  }]);
  first.hear({ seq: 9, topic: "jobs", kind: "job_state", job_id: "1", host_id: null, data: {} });
  first.hear({ seq: 12, kind: "following" });
  first.hear({ seq: 11, topic: "hosts", kind: "health", job_id: null, host_id: "2", data: {} });
  assert.deepEqual(played.events.map(({ seq }) => seq), [9, 11], "following is no event of the page");
  assert.equal(played.states(), "live");
  first.onclose?.({ code: 1006 });
  assert.equal(played.states(), "live reconnecting");
  online();
  const second = await played.socket(2);
  assert.equal(second.address.searchParams.get("ticket"), "ticket-2");
  second.onopen?.();
  assert.deepEqual(
    second.sent[0].topics.map(({ after_seq }) => after_seq),
    [12, 12],
    "the highest number, not the last",
  );
  second.hear({ seq: 12, kind: "following" });
  assert.equal(played.states(), "live reconnecting live");
});

Deno.test("what was missed for too long is read anew, and followed from there", async () => {
  using played = play(good);
  const first = await played.socket(1);
  first.onopen?.();
  first.hear({ kind: "reload", seq: 3 });
  assert.equal(played.reloads, 1);
  first.onclose?.({ code: 1006 });
  online();
  const second = await played.socket(2);
  second.onopen?.();
  assert.equal(second.sent[0].topics[0].after_seq, 3, "numbers may have begun anew, as after a restore");
});

Deno.test("without answers it says reconnecting, then that it stands still, and since when; a success forgets them", async () => {
  let down = true;
  using played = play((number) => {
    if (!down) return good(number);
    if (number % 2 === 0) throw new TypeError("network error");
    return new Response(null, { status: 503 });
  });
  for (let number = 1; number <= 6; number++) {
    await waitFor(`failure ${number}`, () => played.statuses.length >= number, { every_ms: 2 });
    online();
  }
  await waitFor("six failures", () => played.statuses.length >= 6);
  assert.equal(
    played.states().split(" ").slice(0, 6).join(" "),
    "reconnecting reconnecting reconnecting reconnecting still still",
  );
  assert.equal(new Set(played.statuses.slice(0, 6).map(({ since }) => since)).size, 1, "since is when it last heard");
  down = false;
  online();
  const socket = await played.socket(1);
  socket.onopen?.();
  socket.hear({ seq: 7, kind: "following" });
  socket.onclose?.({ code: 1012 });
  assert.deepEqual(played.statuses.slice(-2).map(({ state }) => state), ["live", "reconnecting"]);
});

Deno.test("a page that goes away lets go of its socket and tries no more", async () => {
  using played = play(good);
  const socket = await played.socket(1);
  played.stop();
  assert.equal(socket.closed, true);
  socket.onclose?.({ code: 1005 });
  online();
  assert.equal(played.states(), "");
  assert.equal(played.tickets, 1);
});
