import type { ComponentChildren } from "preact";
import { assetUrl } from "../web/island.ts";
import { Partial } from "../web/partial.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { TopBar, type TopBarData } from "./top_bar.tsx";

/** One place in the rail. */
export interface RailLink {
  href: string;
  label: string;
  icon: IconName;
  /** What waits there, as "3": kept short. */
  count?: string;
}

export interface FrameData extends TopBarData {
  /** Groups of links with a rule between them. */
  sections: RailLink[][];
  /** Path of the page: the link that it lies below is the current one. */
  path: string;
  /** Small words at the foot of the rail: the version. */
  foot?: ComponentChildren;
}

/** Name of the product, beside its mark. */
export const PRODUCT = "Linux Patch Manager";

/**
 * The frame of every page after login: rail, top bar, content. Put it inside `<body>`; it swaps its own regions
 * under client-side navigation, so all pages that use it must use it alike.
 */
export function Frame({ children, sections, path, foot, ...bar }: FrameData & { children: ComponentChildren }) {
  return (
    <div class="frame" data-client-nav="true">
      <a class="skip-link" href="#content">Skip to the content</a>
      <Partial name="rail">
        <Rail sections={sections} path={path} foot={foot} back={bar.back} />
      </Partial>
      <div class="frame-body">
        <header class="topbar">
          <Partial name="topbar">
            <TopBar {...bar} />
          </Partial>
        </header>
        <main class="content" id="content" tabIndex={-1}>
          <Partial name="content">{children}</Partial>
        </main>
      </div>
    </div>
  );
}

function Rail(
  { sections, path, foot, back }: Pick<FrameData, "sections" | "path" | "foot" | "back">,
) {
  const current = currentHref(sections.flat().map(({ href }) => href), path);
  return (
    <nav class="rail" id="rail" popover="auto" aria-label="Main">
      <div class="rail-head">
        <a href="/">
          <img src={assetUrl("mark.svg")} alt="" width="22" height="22" />
          Patch Manager
        </a>
        <form method="post" action="/preferences">
          <input type="hidden" name="back" value={back} />
          <button
            type="submit"
            class="button button-quiet button-small"
            name="rail"
            value="collapsed"
            title="Hide the menu"
          >
            <Icon name="chevrons-left" />
            <span class="visually-hidden">Hide the menu</span>
          </button>
        </form>
      </div>
      {sections.map((links, index) => (
        <ul key={index} class="rail-section">
          {links.map(({ href, label, icon, count }) => (
            <li key={href}>
              <a class="rail-link" href={href} aria-current={href === current ? "page" : undefined}>
                <Icon name={icon} />
                {label}
                {count && <span class="rail-count">{count}</span>}
              </a>
            </li>
          ))}
        </ul>
      ))}
      {foot && <div class="rail-foot">{foot}</div>}
    </nav>
  );
}

/** The longest link that the path lies at or below; "/" only for itself. */
export function currentHref(hrefs: string[], path: string): string | undefined {
  return hrefs
    .filter((href) => path === href || (href !== "/" && path.startsWith(href + "/")))
    .sort((a, b) => b.length - a.length)[0];
}
