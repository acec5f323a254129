import { useEffect, useRef } from "preact/hooks";
import { LiveState } from "../components/status.tsx";
import { useNow } from "../components/use_now.ts";
import { navigate } from "../web/island.ts";
import { useLive } from "./(_live)/live.ts";

/** Changes that come within this time make one new page. Milliseconds. */
const GATHER = 700;

/** A calm page rests so long between two of its own changes, and is read anew after so long without any. */
const REST = 5_000;
const QUIET = 60_000;

/** Keeps a page true: reads it anew when one of its topics has news, and says whether it is live. */
export default function LiveRefresh(
  { topics, after_seq, now, calm = false }: {
    topics: string[];
    /** Number of the last event that the page includes. */
    after_seq: number;
    /** RFC 3339, the server's time of rendering. */
    now: string;
    /** For pages over the whole fleet, where something changes all the time, and numbers also change by growing old. */
    calm?: boolean;
  },
) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(-REST);
  const refresh = () => {
    const rest = calm ? last.current + REST - performance.now() : 0;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      if (busy()) return refresh();
      last.current = performance.now();
      void navigate(location.pathname + location.search, { quiet: true });
    }, Math.max(GATHER, rest));
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!calm) return;
    const quiet = setInterval(refresh, QUIET);
    return () => clearInterval(quiet);
  }, [calm]);
  const { state, since } = useLive(topics, after_seq, refresh, refresh);
  return <LiveState state={state} since={since || undefined} now={useNow(now)} />;
}

/** Somebody who is choosing something, filling in a form or marking text is not interrupted. */
function busy(): boolean {
  const { activeElement } = document;
  return document.querySelector("dialog[open], :popover-open") !== null ||
    (activeElement !== null && activeElement.matches("main :is(input, select, textarea)")) ||
    getSelection()?.isCollapsed === false;
}
