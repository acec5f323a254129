import { type ComponentChildren, createContext, type FunctionComponent, h, options } from "preact";
import { useContext } from "preact/hooks";
import { Signal } from "@preact/signals";
import { stringify } from "devalue";

// deno-lint-ignore no-explicit-any -- an island takes the props it declares; the frame passes them on unseen
type Island = FunctionComponent<any>;

/** What one render found out about its islands. */
export interface IslandRun {
  names: Set<string>;
  props: Record<string, unknown>[];
}

/** Carries the run of the current render; without one, islands render as plain components. */
export const IslandRuns = createContext<IslandRun | null>(null);
const InsideIsland = createContext(false);
const wrappers = new Map<unknown, Island>();

/** Makes every use of this component an island: marked in the HTML, woken up in the browser. */
export function registerIsland(name: string, component: Island): void {
  wrappers.set(component, wrap(name, component));
}

function wrap(name: string, component: Island): Island {
  // A function of its own, because the hook below would wrap the component again.
  const Inner: Island = (props) => (component as (props: unknown) => ComponentChildren)(props);
  return ({ children, ...props }) => {
    const run = useContext(IslandRuns);
    if (useContext(InsideIsland) || !run) return h(Inner, { ...props, children });
    run.names.add(name);
    const index = run.props.push(props) - 1;
    const slot = children === undefined
      ? undefined
      : h("x-slot", null, h(InsideIsland.Provider, { value: false, children }));
    return h("x-island", { name, index }, h(InsideIsland.Provider, { value: true, children: h(Inner, props, slot) }));
  };
}

const previous = options.vnode;
options.vnode = (vnode) => {
  const wrapper = wrappers.get(vnode.type);
  if (wrapper) (vnode as { type: unknown }).type = wrapper;
  previous?.(vnode);
};

function isComputed(signal: Signal): boolean {
  for (let at = Object.getPrototypeOf(signal); at; at = Object.getPrototypeOf(at)) {
    const value = Object.getOwnPropertyDescriptor(at, "value");
    if (value) return !value.set;
  }
  return false;
}

/**
 * The data block of a page. One for all islands, so that a signal given to two of them stays one; `<` is escaped,
 * because `</script` would end the block.
 * @throws Error naming the island's prop when it cannot travel (functions, class instances, promises)
 */
export function writePayload(run: IslandRun, assets: Record<string, string>): string {
  try {
    return stringify({ props: run.props, assets }, {
      Computed: (value: unknown) => value instanceof Signal && isComputed(value) && [value.peek()],
      Signal: (value: unknown) => value instanceof Signal && [value.peek()],
    }).replaceAll("<", "\\u003c");
  } catch (cause) {
    const path = (cause as { path?: string }).path ?? "";
    const names = [...run.names].join(", ");
    throw new Error(`A prop of an island (${names}) cannot be sent to the browser: ${path}`, { cause });
  }
}
