import { assetUrl } from "../../../web/island.ts";
import { define } from "../site.ts";

export default define.layout(({ Component, state }) => (
  <html lang="en" data-theme={state.theme === "system" ? undefined : state.theme}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{`${state.title} · Linux Patch Manager`}</title>
      <link rel="icon" href={assetUrl("favicon.svg")} type="image/svg+xml" />
    </head>
    <body>
      <Component />
    </body>
  </html>
));
