import { assetUrl } from "../web/island.ts";

/** A name in static/icons.json. */
export type IconName =
  | "arrow-down"
  | "arrow-up"
  | "arrow-up-down"
  | "ban"
  | "calendar-clock"
  | "check"
  | "chevron-down"
  | "chevron-left"
  | "chevron-right"
  | "chevrons-left"
  | "circle-alert"
  | "circle-check"
  | "circle-user"
  | "circle-x"
  | "clock"
  | "copy"
  | "download"
  | "ellipsis"
  | "external-link"
  | "eye"
  | "file-chart-column"
  | "filter"
  | "flask-conical"
  | "folder-tree"
  | "history"
  | "inbox"
  | "info"
  | "key-round"
  | "layout-dashboard"
  | "list-checks"
  | "log-out"
  | "menu"
  | "monitor"
  | "moon"
  | "network"
  | "package"
  | "package-check"
  | "panel-left"
  | "play"
  | "plus"
  | "power"
  | "radio"
  | "refresh-cw"
  | "rocket"
  | "rotate-cw"
  | "scroll-text"
  | "search"
  | "server"
  | "settings"
  | "shield-check"
  | "square"
  | "sun"
  | "tag"
  | "terminal"
  | "trash-2"
  | "triangle-alert"
  | "users"
  | "x";

/** A 16 px picture beside a word, never instead of one: it is hidden from screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" aria-hidden="true" focusable="false">
      <use href={`${assetUrl("icons.svg")}#${name}`} />
    </svg>
  );
}
