import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";

/** Title, one sentence of state, and the primary action at the right. */
export function PageHead(
  { title, state, marks, crumbs = [], actions }: {
    title: string;
    /** "14 of 212 hosts have critical patches older than 7 days" */
    state?: ComponentChildren;
    /** Beside the title: health, simulated. */
    marks?: ComponentChildren;
    /** Where this page lies, outermost first. */
    crumbs?: { href: string; label: string }[];
    actions?: ComponentChildren;
  },
) {
  return (
    <header class="page-head">
      <div class="page-head-words">
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label="Where this is">
            {crumbs.map(({ href, label }) => (
              <span key={href} class="crumb">
                <a href={href}>{label}</a>
                <Icon name="chevron-right" />
              </span>
            ))}
          </nav>
        )}
        <div class="page-head-title">
          <h1>{title}</h1>
          {marks}
        </div>
        {state && <p class="page-head-state">{state}</p>}
      </div>
      {actions && <div class="page-head-actions">{actions}</div>}
    </header>
  );
}

/** Head of a part of a page. */
export function SectionHead({ title, id, note }: { title: string; id?: string; note?: ComponentChildren }) {
  return (
    <div class="section-head">
      <h2 id={id}>{title}</h2>
      {note && <span class="meta">{note}</span>}
    </div>
  );
}
