import { useEffect, useRef } from "preact/hooks";
import { LiveState } from "../components/status.tsx";
import { useNow } from "../components/use_now.ts";
import { navigate } from "../web/island.ts";
import { useLive } from "./(_live)/live.ts";

/** Changes that come within this time make one new page. Milliseconds. */
const GATHER = 700;

/** Keeps a page true: reads it anew when one of its topics has news, and says whether it is live. */
export default function LiveRefresh(
  { topics, after_seq, now }: {
    topics: string[];
    /** Number of the last event that the page includes. */
    after_seq: number;
    /** RFC 3339, the server's time of rendering. */
    now: string;
  },
) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      if (busy()) return refresh();
      void navigate(location.pathname + location.search, { quiet: true });
    }, GATHER);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
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
