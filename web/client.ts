import { h, hydrate, render } from "preact";
import { computed, signal } from "@preact/signals";
import { parse } from "devalue";
import { setAssets } from "./island.ts";
import { startNavigation } from "./navigation.ts";

/** Island names to their modules, one chunk each; written into `gen/client.ts`. */
export type Loaders = Record<string, () => Promise<{ default: unknown }>>;

interface Payload {
  props: Record<string, unknown>[];
  assets: Record<string, string>;
}

/** Wakes up the islands of the page and takes over navigation. */
export function start(loaders: Loaders): void {
  const first = readPayload(document);
  // The islands have it now. What a page shows only once, such as a token, must go with the page when it is left.
  document.querySelector("script[data-islands]")?.remove();
  setAssets(first.assets);
  void wake(document, first, loaders);
  // One key for the search field, wherever the page is; not while somebody types.
  addEventListener("keydown", (event) => {
    const typing = (event.target as Element).closest?.("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    const field = document.querySelector<HTMLElement>(`[data-shortcut="${CSS.escape(event.key)}"]`);
    if (!field) return;
    event.preventDefault();
    field.focus();
  });
  startNavigation({
    sleep: (region) => region.querySelectorAll("x-island").forEach((element) => render(null, element)),
    wake: (region, from) => wake(region, readPayload(from), loaders),
  });
}

function readPayload(from: Document): Payload {
  const text = from.querySelector("script[data-islands]")?.textContent;
  if (!text) return { props: [], assets: {} };
  return parse(text, { Signal: ([value]) => signal(value), Computed: ([value]) => computed(() => value) });
}

async function wake(region: ParentNode, { props }: Payload, loaders: Loaders): Promise<void> {
  const asleep = [...region.querySelectorAll<HTMLElement>("x-island:not([ready])")];
  await Promise.all(asleep.map((element) => wakeOne(element, props[Number(element.getAttribute("index"))], loaders)));
}

async function wakeOne(element: HTMLElement, props: Record<string, unknown>, loaders: Loaders): Promise<void> {
  const name = element.getAttribute("name") ?? "";
  const loader = loaders[name];
  if (!loader) throw new Error(`There is no island named ${name} in this build.`);
  const { default: component } = await loader();
  if (!element.isConnected) return; // Navigation went on while the module loaded.
  // While hydrating, Preact leaves content alone that it is told to be HTML: the server's children stay as they are.
  const slot = element.querySelector("x-slot");
  const children = slot ? h("x-slot", { dangerouslySetInnerHTML: { __html: slot.innerHTML } }) : undefined;
  hydrate(h(component as never, props as never, children), element);
  element.setAttribute("ready", "");
}
