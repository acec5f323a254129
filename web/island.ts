/** True in the browser, false while the server renders. */
export const IS_BROWSER = typeof document !== "undefined" && !("Deno" in globalThis);

let assets: Record<string, string> = {};

/** Tells this side where assets lie: the site when it is made, the browser's entry from the page's data block. */
export function setAssets(names: Record<string, string>): void {
  assets = names;
}

/** The address of an asset by its source name: `icons.svg` as `/assets/icons-3f2a.svg`. */
export function assetUrl(name: string): string {
  return assets[name] ?? `/assets/${name}`;
}

/** Goes to an address of this site as a click on a link would. */
export interface Navigator {
  /**
   * @param options.replace keeps the entry of the history
   * @param options.quiet the page only renews itself: focus and scrolling stay, and nothing is announced
   */
  (to: string, options?: { replace?: boolean; quiet?: boolean }): Promise<void>;
}

let navigator: Navigator = (to, options) => {
  if (options?.replace) location.replace(to);
  else location.assign(to);
  return Promise.resolve();
};

/** Called by the browser's entry; until then navigation loads whole pages. */
export function setNavigator(own: Navigator): void {
  navigator = own;
}

/** Goes to another page of the site from an island, with the same swap as a link. */
export const navigate: Navigator = (to, options) => navigator(to, options);

/** Says something to people who use a screen reader, without moving their focus. */
export function announce(words: string): void {
  if (!IS_BROWSER) return;
  let region = document.getElementById("announcer");
  if (!region) {
    region = document.createElement("div");
    region.id = "announcer";
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  region.textContent = words;
}
