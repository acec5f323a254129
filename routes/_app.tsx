import { assetUrl } from "../web/island.ts";
import { define } from "./(_role)/state.ts";

export default define.layout(({ Component, state }) => (
  <html lang="en" data-theme={state.theme ?? undefined} data-rail={state.rail_hidden ? "collapsed" : undefined}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{state.title ? `${state.title} · Linux Patch Manager` : "Linux Patch Manager"}</title>
      <link rel="icon" href={assetUrl("favicon.svg")} type="image/svg+xml" />
    </head>
    <body>
      <Component />
    </body>
  </html>
));
