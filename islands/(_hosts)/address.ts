import { useEffect, useRef, useState } from "preact/hooks";
import { type Query, readQuery, writeQuery } from "./query.ts";

/** While somebody types, one entry of the history grows with the words. Milliseconds of rest that begin another. */
const SAME_THOUGHT = 2_000;

/**
 * The query as it stands in the address: changes go there at once, and back and forward bring them back without a
 * request. The server renders the same rows for the same address.
 *
 * @param only the figure that the list was opened for; another one is another list, which the server reads
 */
export function useAddress(start: Query, only: string | null): [Query, (change: Partial<Query>) => void] {
  const [query, setQuery] = useState(start);
  const typed = useRef(-SAME_THOUGHT);
  useEffect(() => {
    const path = location.pathname;
    const onPop = (event: PopStateEvent) => {
      if (location.pathname !== path || new URLSearchParams(location.search).get("only") !== only) return;
      // Ours alone: the site's navigation would read the page anew.
      event.stopImmediatePropagation();
      setQuery(readQuery(location.search));
    };
    // Capturing listeners of the window come before the others, whichever was added first.
    addEventListener("popstate", onPop, { capture: true });
    return () => removeEventListener("popstate", onPop, { capture: true });
  }, [only]);
  const change = (part: Partial<Query>) => {
    const next = { ...query, ...part };
    const address = location.pathname + writeQuery(next, only);
    if (address !== location.pathname + location.search) {
      const typing = "q" in part;
      const goes_on = typing && performance.now() - typed.current < SAME_THOUGHT;
      typed.current = typing ? performance.now() : -SAME_THOUGHT;
      if (goes_on) history.replaceState(history.state, "", address);
      else history.pushState({}, "", address);
    }
    setQuery(next);
  };
  useEffect(tellFrame, [query]);
  return [query, change];
}

/** The frame around the page was rendered for an address before: its search field, and where its forms lead back to. */
function tellFrame(): void {
  const { pathname, search } = location;
  const field = document.querySelector<HTMLInputElement>("header input[name=q]");
  if (field && field !== document.activeElement) field.value = readQuery(search).q;
  for (const back of document.querySelectorAll<HTMLInputElement>("input[name=back]")) back.value = pathname + search;
}
