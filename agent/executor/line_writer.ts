/** Writes lines in order, one at a time. */
export interface LineWriter {
  /** Never throws: a connection that is gone is noticed by its reader. */
  write(value: unknown): void;
  /** Settles when everything handed over so far is written or the connection is gone. */
  drain(): Promise<void>;
  /** Bytes handed over and not written yet. */
  readonly waiting: number;
}

/** Bytes that may wait for a peer that does not read. A whole list of packages fits; a forgotten watcher does not. */
const BACKLOG = 128 * 2 ** 20;

/** @param onOverflow called once when the peer does not read what it asked for */
export function createLineWriter(
  target: { write(bytes: Uint8Array): Promise<number> },
  onOverflow: () => void,
): LineWriter {
  const encoder = new TextEncoder();
  let waiting = 0;
  let broken = false;
  let tail: Promise<void> = Promise.resolve();
  return {
    write(value) {
      if (broken) return;
      const bytes = encoder.encode(JSON.stringify(value) + "\n");
      waiting += bytes.length;
      if (waiting > BACKLOG) {
        broken = true;
        return onOverflow();
      }
      tail = tail.then(async () => {
        for (let sent = 0; !broken && sent < bytes.length;) sent += await target.write(bytes.subarray(sent));
        waiting -= bytes.length;
      }).catch(() => {
        broken = true;
      });
    },
    drain: () => tail,
    get waiting() {
      return waiting;
    },
  };
}
