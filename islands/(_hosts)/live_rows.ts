import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { HostRows } from "../../core/views/host_rows.ts";
import { type LiveStatus, useLive } from "../(_live)/live.ts";
import { type HostLine, mergeRows, unpackRows } from "./rows.ts";

/** Changes within this time are read together; a large fleet changes all the time. Milliseconds. */
const GATHER = 700;
const REST = 3_000;
/** More changed hosts than this are read as the whole list: an address cannot name them. */
const MOST_NAMED = 100;

interface LiveRows {
  rows: HostLine[];
  /** Id and name. */
  groups: [string, string][];
  /** Id and name, the commonest first. */
  systems: [string, string][];
  live: LiveStatus;
}

/** The rows, kept true: hosts that changed are read again, and nothing else is. */
export function useLiveRows(packed: HostRows, after_seq: number, only: string | null): LiveRows {
  const [{ rows, groups }, setList] = useState(() => ({ rows: unpackRows(packed), groups: packed.groups }));
  const changed = useRef(new Set<string>());
  const all = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(-REST);
  useEffect(() => () => clearTimeout(timer.current), []);

  const read = async () => {
    timer.current = undefined;
    last.current = performance.now();
    const asked = changed.current;
    const whole = all.current || asked.size > MOST_NAMED;
    changed.current = new Set();
    all.current = false;
    const params = new URLSearchParams(whole ? [] : [...asked].map((id) => ["id", id]));
    if (only) params.set("only", only);
    try {
      const headers = { accept: "application/json", "x-unattended": "1" };
      const answer = await fetch(`/hosts/rows?${params}`, { headers });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh: HostRows = await answer.json();
      const lines = unpackRows(fresh);
      setList(({ rows }) => ({ rows: whole ? lines : mergeRows(rows, asked, lines), groups: fresh.groups }));
    } catch {
      // The socket says when the manager is away. Rows that are shown stay, and are read with the next change.
      for (const id of asked) changed.current.add(id);
      all.current ||= whole;
    }
  };
  const later = () => {
    timer.current ??= setTimeout(() => void read(), Math.max(GATHER, last.current + REST - performance.now()));
  };
  const reload = () => {
    all.current = true;
    later();
  };
  const live = useLive(["hosts"], after_seq, ({ host_id }) => {
    if (host_id === null) return reload();
    changed.current.add(host_id);
    later();
  }, reload);

  const systems = useMemo(() => {
    const names = new Map<string, { name: string; count: number }>();
    for (const { os, os_name } of rows) {
      const known = names.get(os);
      if (known) known.count++;
      else names.set(os, { name: os_name || os, count: 1 });
    }
    return [...names].sort(([, a], [, b]) => b.count - a.count).map(([os, { name }]): [string, string] => [os, name]);
  }, [rows]);
  return { rows, groups, systems, live };
}
