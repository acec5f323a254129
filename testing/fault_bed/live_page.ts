import { WebSocket } from "ws";
import type { HttpClient } from "../http_client.ts";
import { waitFor } from "../wait_for.ts";

/** One frame as the page gets it. */
export interface LiveFrame {
  seq: number;
  topic?: string;
  kind: string;
  host_id?: string | null;
  data?: Record<string, unknown>;
}

/** What an open page does: it follows a topic, and after a broken connection goes on behind the last number it saw. */
export class LivePage implements AsyncDisposable {
  /** Events in the order in which they came, over all connections. */
  readonly events: LiveFrame[] = [];
  /** Connections that were told to read everything anew. */
  reloads = 0;
  #socket: WebSocket | undefined;
  #following = false;

  /** @param client sends the session's token; asks for one ticket per connection. */
  constructor(
    readonly origin: string,
    readonly ca: string,
    readonly client: () => HttpClient,
    readonly topic: string,
  ) {}

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Tries until the manager lets it in, and everything that was missed has come. */
  async connect(): Promise<void> {
    await waitFor("the live socket", () => this.#connect(), { deadline_ms: 30_000, every_ms: 100 });
  }

  async #connect(): Promise<boolean> {
    const { status, json } = await this.client().post("/api/v1/ws/ticket");
    if (status !== 200) throw new Error(`no ticket: ${status}`);
    const address = `${this.origin.replace("https", "wss")}/api/v1/ws/jobs?ticket=${json.ticket}`;
    const socket = new WebSocket(address, { ca: this.ca, minVersion: "TLSv1.3" });
    this.#socket = socket;
    this.#following = false;
    const after_seq = this.events.at(-1)?.seq ?? 0;
    socket.on("error", () => socket.terminate());
    socket.on("open", () => {
      socket.send(JSON.stringify({ action: "subscribe", topics: [{ topic: this.topic, after_seq }] }));
    });
    socket.on("message", (data) => this.#hear(JSON.parse(String(data))));
    return await waitFor("the past to have come", () => {
      if (socket.readyState >= WebSocket.CLOSING) throw new Error("the socket closed");
      return this.#following;
    }, { deadline_ms: 5_000 });
  }

  #hear(frame: LiveFrame): void {
    if (frame.kind === "following") this.#following = true;
    else if (frame.kind === "reload") this.reloads += 1;
    else this.events.push(frame);
  }

  /** Waits until the connection has ended by itself. */
  async untilCut(): Promise<void> {
    await waitFor("the live socket to end", () => this.#socket?.readyState === WebSocket.CLOSED);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.terminate();
    await closed;
  }
}
