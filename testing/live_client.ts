import { WebSocket } from "ws";
import type { TestSite } from "./site.ts";
import { waitFor } from "./wait_for.ts";

/** A frame as the relay sends it. */
export interface Frame {
  kind: string;
  seq: number;
  topic?: string;
  host_id?: string | null;
  data?: Record<string, unknown>;
}

export interface LiveClient extends Disposable {
  /** Everything that came, in order. */
  frames: Frame[];
  subscribe(...topics: { topic: string; after_seq?: number | null }[]): void;
  send(text: string): void;
  /** The first frame, from `from` on, that fits. */
  frame(what: string, fits: (frame: Frame) => boolean, from?: number): Promise<Frame>;
  /** Close code, once the server closed it. */
  closed: Promise<number>;
}

/** Opens `WS /api/v1/ws/jobs` with a ticket; a refusal is answered as it came. */
export function openLive(
  site: TestSite,
  ticket: string,
  headers: Record<string, string> = {},
): Promise<LiveClient | { refused: number; body: string }> {
  const socket = new WebSocket(`wss://localhost:${site.port}/api/v1/ws/jobs?ticket=${ticket}`, {
    ca: site.ca,
    headers,
    handshakeTimeout: 10_000,
  });
  const frames: Frame[] = [];
  const closing = Promise.withResolvers<number>();
  socket.on("message", (data) => frames.push(JSON.parse(data.toString())));
  socket.on("close", (code) => closing.resolve(code));
  const opening = Promise.withResolvers<LiveClient | { refused: number; body: string }>();
  socket.on("error", opening.reject);
  socket.on("unexpected-response", (_request, response) => {
    let body = "";
    response.on("data", (part: Uint8Array) => body += new TextDecoder().decode(part));
    response.on("end", () => opening.resolve({ refused: response.statusCode ?? 0, body }));
  });
  socket.on("open", () =>
    opening.resolve({
      frames,
      subscribe: (...topics) => socket.send(JSON.stringify({ action: "subscribe", topics })),
      send: (text) => socket.send(text),
      frame: (what, fits, from = 0) => waitFor(what, () => frames.slice(from).find(fits)),
      closed: closing.promise,
      [Symbol.dispose]: () => socket.terminate(),
    }));
  return opening.promise;
}
