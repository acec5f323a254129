/** A tab is a place with its own address; `count` says how much lies there. */
export interface TabLink {
  href: string;
  label: string;
  count?: number;
  current?: boolean;
}

/** Tabs as links: they work without script, and Back works with it. */
export function Tabs({ label, tabs }: { label: string; tabs: TabLink[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, label, count, current }) => (
        <a key={href} class="tab" href={href} aria-current={current ? "page" : undefined}>
          {label}
          {count !== undefined && <span class="tab-count">{count.toLocaleString("en")}</span>}
        </a>
      ))}
    </nav>
  );
}
