import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";

const Open = createContext(true);

/** What leads elsewhere is plain text in here: for a screen on the wall, which may open nothing but its own page. */
export function NoPlaces({ children }: { children: ComponentChildren }) {
  return <Open.Provider value={false}>{children}</Open.Provider>;
}

interface Place {
  href: string;
  class?: string;
  title?: string;
  /** How many lie behind it. */
  "data-count"?: number;
  children: ComponentChildren;
}

/** A link to another page; the same words without it where nobody may go anywhere, see {@link NoPlaces}. */
export function PlaceLink(place: Place) {
  const open = useContext(Open);
  const { href: _, ...words } = place;
  return open ? <a {...place} /> : <span {...words} />;
}
