/**
 * Where a person is within a page that is about to be read anew: what has the focus, and how far its scrolling parts
 * are scrolled.
 */
export interface Place {
  /** Puts them back there in the new content; what is gone is left alone. */
  restore(): void;
}

/** Parts that scroll by themselves carry a label, which tells them apart. */
const SCROLLERS = "[role=region][aria-label], [role=log][aria-label]";

export function rememberPlace(): Place {
  const focused = document.activeElement === document.body ? null : document.activeElement;
  const find = focused && finderOf(focused);
  const scrolled = [...document.querySelectorAll<HTMLElement>(SCROLLERS)]
    .filter(({ scrollTop, scrollLeft }) => scrollTop > 0 || scrollLeft > 0)
    .map(({ ariaLabel, scrollTop, scrollLeft }) => ({ label: ariaLabel, scrollTop, scrollLeft }));
  const page = scrollY;
  return {
    restore() {
      for (const { label, scrollTop, scrollLeft } of scrolled) {
        const same = [...document.querySelectorAll<HTMLElement>(SCROLLERS)].find((one) => one.ariaLabel === label);
        same?.scrollTo(scrollLeft, scrollTop);
      }
      if (focused && !focused.isConnected) find?.()?.focus({ preventScroll: true });
      if (scrollY !== page) scrollTo(0, page);
    },
  };
}

/** How to find an element again once its region was replaced: by its id, its address, or its words. */
function finderOf(element: Element): (() => HTMLElement | undefined) | null {
  const { id, tagName } = element;
  if (id) return () => document.getElementById(id) ?? undefined;
  const all = () => [...document.querySelectorAll<HTMLElement>(tagName)];
  const href = element.getAttribute("href");
  if (href) return () => all().find((one) => one.getAttribute("href") === href);
  const words = element.getAttribute("aria-label") ?? element.textContent;
  return words ? () => all().find((one) => (one.getAttribute("aria-label") ?? one.textContent) === words) : null;
}
