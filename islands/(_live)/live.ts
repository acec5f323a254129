import { useEffect, useRef, useState } from "preact/hooks";

/** One thing that happened, as the relay sends it. */
export interface LiveFrame {
  seq: number;
  topic: string;
  kind: string;
  job_id: string | null;
  host_id: string | null;
  // deno-lint-ignore no-explicit-any -- each kind has its own members; the page that follows it knows them
  data: any;
}

/** Whether the page still moves; `connecting` only before the first answer. `since` is when it last heard anything, RFC 3339, by this machine's clock. */
export interface LiveStatus {
  state: "connecting" | "live" | "reconnecting" | "still";
  since: string;
}

/** First and longest pause before another try, in milliseconds; each pause is random below a growing limit. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** After so many tries in a row that failed the page says that it stands still; it goes on trying. */
const TRIES = 4;
/** The session has ended (the relay's own close code). */
const SESSION_ENDED = 4401;

interface Options {
  /** At most 20. */
  topics: string[];
  /** The number of the last event that the page's data includes. */
  after_seq: number;
  on_event(frame: LiveFrame): void;
  /** The page missed too much: read everything anew. */
  on_reload(): void;
  on_status(status: LiveStatus): void;
}

/**
 * Follows topics over one WebSocket. Every try takes a new ticket, and goes on after the last number that was seen, so
 * nothing is missed between two sockets.
 * @returns stops following
 */
export function follow({ topics, after_seq, on_event, on_reload, on_status }: Options): () => void {
  let seq = after_seq;
  let failures = 0;
  let stopped = false;
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = new Date().toISOString();

  const again = () => {
    if (stopped) return;
    socket = null;
    failures++;
    on_status({ state: failures > TRIES ? "still" : "reconnecting", since: heard });
    const limit = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 10));
    timer = setTimeout(open, limit / 4 + Math.random() * limit * 3 / 4);
  };
  const open = async () => {
    try {
      const answer = await fetch("/api/v1/ws/ticket", { method: "POST", headers: { "x-unattended": "1" } });
      if (answer.status === 401) return toLogin();
      if (!answer.ok || stopped) return again();
      const { ticket } = await answer.json();
      const address = new URL(`/api/v1/ws/jobs?ticket=${encodeURIComponent(ticket)}`, location.href);
      address.protocol = "wss:";
      if (stopped) return;
      listen(new WebSocket(address));
    } catch {
      again();
    }
  };
  const listen = (opened: WebSocket) => {
    socket = opened;
    opened.onopen = () =>
      opened.send(JSON.stringify({
        action: "subscribe",
        topics: topics.map((topic) => ({ topic, after_seq: seq })),
      }));
    opened.onmessage = ({ data }) => {
      heard = new Date().toISOString();
      const frame = JSON.parse(data);
      if (frame.kind === "following") {
        failures = 0;
        on_status({ state: "live", since: heard });
      }
      seq = Math.max(seq, frame.seq);
      if (frame.kind === "reload") {
        seq = frame.seq;
        on_reload();
      } else if (frame.kind !== "following") on_event(frame);
    };
    opened.onclose = ({ code }) => code === SESSION_ENDED ? toLogin() : again();
  };
  void open();
  // A laptop that wakes up should not wait out the rest of a long pause.
  const wake = () => {
    if (socket || stopped || timer === undefined) return;
    clearTimeout(timer);
    void open();
  };
  addEventListener("online", wake);
  return () => {
    stopped = true;
    clearTimeout(timer);
    removeEventListener("online", wake);
    socket?.close();
  };
}

function toLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** {@link follow} as a hook: starts when the island wakes up, stops when it goes. */
export function useLive(
  topics: string[],
  after_seq: number,
  on_event: (frame: LiveFrame) => void,
  on_reload: () => void,
): LiveStatus {
  const [status, setStatus] = useState<LiveStatus>({ state: "connecting", since: "" });
  const handlers = useRef({ on_event, on_reload });
  handlers.current = { on_event, on_reload };
  useEffect(() => {
    if (topics.length === 0) return;
    return follow({
      topics,
      after_seq,
      on_event: (frame) => handlers.current.on_event(frame),
      on_reload: () => handlers.current.on_reload(),
      on_status: setStatus,
    });
  }, [topics.join(" ")]);
  return status;
}
