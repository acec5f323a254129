// deno-lint-ignore-file no-explicit-any -- Swagger UI comes without types, and with a React of its own

/** What a plug-in of Swagger UI is given. */
interface System {
  React: { createElement(type: any, props: Record<string, unknown> | null, ...children: unknown[]): unknown };
}

/** The name of the layout, for Swagger UI's options. */
export const API_LAYOUT = "ApiLayout";

/**
 * The parts of Swagger UI inside a page of ours. Its own layout brings a second `<main>`, a second title and headings
 * that leave a level out, which screen readers would tell as if there were two pages.
 */
export function apiLayout({ React: { createElement } }: System) {
  const Layout = ({ getComponent, specSelectors }: any) => {
    const part = (name: string) => createElement(getComponent(name, true), null);
    if (specSelectors.loadingStatus() === "failed") return createElement("div", null, part("errors"));
    if (!specSelectors.specStr()) return createElement("p", { className: "meta" }, "Loading the description…");
    return createElement(
      "div",
      { className: "swagger-ui" },
      createElement(getComponent("SvgAssets"), null),
      part("errors"),
      createElement("div", { className: "api-docs-bar" }, part("FilterContainer"), part("AuthorizeBtnContainer")),
      createElement("h2", null, "Operations"),
      part("operations"),
      part("Models"),
    );
  };
  return { components: { [API_LAYOUT]: Layout } };
}
