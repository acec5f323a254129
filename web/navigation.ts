import { announce, setNavigator } from "./island.ts";
import { rememberPlace } from "./quiet.ts";

/** What navigation needs of the islands. */
export interface Islands {
  /** Ends the islands of a region that is about to be replaced. */
  sleep(region: ParentNode): void;
  /** Starts the islands of a region that came with another document. */
  wake(region: ParentNode, from: Document): Promise<void>;
}

interface Entry {
  scroll?: number;
}

/** How a navigation came about decides history, scrolling and focus. */
type Cause = "push" | "replace" | "back" | "filter" | "quiet";

/** Milliseconds after which a navigation shows that it is under way. */
const PATIENCE = 150;

let islands: Islands;
let shown = "";
let underWay: AbortController | null = null;

/**
 * Takes over links and GET forms inside `[data-client-nav]`: fetches the next page and swaps the regions that both
 * pages name. Whatever is unusual (other build, other regions, no HTML, no answer) becomes an ordinary page load.
 */
export function startNavigation(own: Islands): void {
  islands = own;
  shown = pathOf(location.href);
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    if (pathOf(location.href) !== shown) void go(location.href, "back");
  });
  // The entry being left is gone when popstate fires, so its position is kept while it is shown.
  addEventListener("scrollend", keepScroll);
  addEventListener("pagehide", keepScroll);
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  setNavigator((to, { replace, quiet } = {}) =>
    go(new URL(to, location.href).href, quiet ? "quiet" : replace ? "replace" : "push")
  );
  const { scroll } = (history.state ?? {}) as Entry;
  if (scroll) scrollTo(0, scroll);
}

function keepScroll(): void {
  if (pathOf(location.href) === shown) history.replaceState({ ...history.state, scroll: scrollY }, "");
}

function pathOf(address: string): string {
  const { pathname, search } = new URL(address, location.href);
  return pathname + search;
}

function onClick(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
  if (!link || event.altKey || link.target || link.hasAttribute("download") || !ours(link, link.href)) return;
  const sameDocument = pathOf(link.href) === shown;
  if (sameDocument && new URL(link.href).hash) return;
  event.preventDefault();
  void go(link.href, sameDocument ? "replace" : "push");
}

function onSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const method = event.submitter?.getAttribute("formmethod") ?? form.method;
  if (event.defaultPrevented || method !== "get" || form.target || !ours(form, form.action)) return;
  event.preventDefault();
  const address = new URL(form.action);
  address.search = "";
  for (const [name, value] of new FormData(form, event.submitter)) {
    if (typeof value === "string" && value !== "") address.searchParams.append(name, value);
  }
  void go(address.href, "filter");
}

function ours(element: Element, address: string): boolean {
  const area = element.closest("[data-client-nav]");
  return area !== null && area.getAttribute("data-client-nav") !== "false" &&
    new URL(address).origin === location.origin;
}

async function go(address: string, cause: Cause): Promise<void> {
  // What renews itself never stands in the way of somebody who goes elsewhere.
  if (cause === "quiet" && underWay) return;
  underWay?.abort();
  const mine = underWay = new AbortController();
  if (cause !== "back") keepScroll();
  const patience = cause === "quiet" ? undefined : setTimeout(() => progress(true), PATIENCE);
  try {
    // What renews itself is no use by anybody: the session grows idle meanwhile.
    const headers = { accept: "text/html", ...(cause === "quiet" ? { "x-unattended": "1" } : {}) };
    const answer = await fetch(address, { headers, signal: mine.signal });
    if (!answer.headers.get("content-type")?.startsWith("text/html")) return load(address, cause);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine.signal.aborted) return;
    const target = new URL(answer.url);
    target.hash = new URL(address).hash;
    // The present page stays as it is while the manager cannot renew it; a session that ended leads elsewhere.
    if (cause === "quiet" && answer.status >= 500) return;
    if (!sameFrame(next)) return load(target.href, cause);
    await swap(next, target, cause);
  } catch (thrown) {
    if (!mine.signal.aborted && cause !== "quiet") {
      load(address, cause);
      throw thrown;
    }
  } finally {
    clearTimeout(patience);
    if (underWay === mine) {
      underWay = null;
      progress(false);
    }
  }
}

function load(address: string, cause: Cause): void {
  if (cause === "back") location.reload();
  else if (cause === "replace" || cause === "quiet") location.replace(address);
  else location.assign(address);
}

function sameFrame(next: Document): boolean {
  const build = (from: Document) => from.querySelector("meta[name=build]")?.getAttribute("content");
  const regions = (from: Document) => [...from.querySelectorAll("x-partial")].map((part) => part.getAttribute("name"));
  const here = regions(document).join();
  return here !== "" && build(next) === build(document) && regions(next).join() === here;
}

async function swap(next: Document, target: URL, cause: Cause): Promise<void> {
  const focused = cause === "filter" ? document.activeElement?.id : undefined;
  const place = cause === "quiet" ? rememberPlace() : null;
  if (cause === "push" || cause === "filter") history.pushState({}, "", target);
  else if (target.href !== location.href) history.replaceState(history.state, "", target);
  shown = pathOf(target.href);
  document.title = next.title;
  const fresh = new Map([...next.querySelectorAll("x-partial")].map((part) => [part.getAttribute("name"), part]));
  const replaced: Promise<void>[] = [];
  // Regions inside regions come with their parents.
  for (const region of document.querySelectorAll("x-partial:not(x-partial x-partial)")) {
    islands.sleep(region);
    region.replaceChildren(...fresh.get(region.getAttribute("name"))!.childNodes);
    replaced.push(islands.wake(region, next));
  }
  document.dispatchEvent(new CustomEvent("page:change", { detail: { address: target.href } }));
  if (!place) settle(target, cause, focused);
  place?.restore();
  await Promise.all(replaced);
}

/** Puts position and focus where an ordinary page load would, and says the new title. */
function settle(target: URL, cause: Cause, focused: string | undefined): void {
  const anchor = target.hash ? document.getElementById(decodeURIComponent(target.hash.slice(1))) : null;
  const control = focused ? document.getElementById(focused) : null;
  const { scroll = 0 } = (history.state ?? {}) as Entry;
  if (control) {
    control.focus({ preventScroll: true });
  } else {
    const start = anchor ?? document.querySelector<HTMLElement>("main h1") ??
      document.querySelector<HTMLElement>("main");
    if (start && !start.hasAttribute("tabindex")) start.tabIndex = -1;
    start?.focus({ preventScroll: true });
  }
  if (cause === "back") scrollTo(0, scroll);
  else if (anchor) anchor.scrollIntoView();
  else if (cause === "push") scrollTo(0, 0);
  announce(document.title);
}

function progress(busy: boolean): void {
  const main = document.querySelector("main");
  if (busy) main?.setAttribute("aria-busy", "true");
  else main?.removeAttribute("aria-busy");
  const bar = document.querySelector(".navigation-progress");
  if (!busy) return bar?.remove();
  if (bar) return;
  const fresh = document.createElement("progress");
  fresh.className = "navigation-progress";
  fresh.setAttribute("aria-label", "Loading the page");
  // Inside of a landmark: who goes from one to the next would not find it otherwise.
  (main ?? document.body).append(fresh);
}
