import { Partial } from "../../mod.ts";
import { define } from "../site.ts";

export default define.layout(({ Component, state }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <title>{state.title}</title>
    </head>
    <body data-client-nav>
      <nav>
        <a href="/" id="home">Home</a> <a href="/hosts/7?tab=log" id="host">Host</a> <a href="/slow" id="slow">Slow</a>
      </nav>
      <main>
        <Partial name="main">
          <Component />
        </Partial>
      </main>
    </body>
  </html>
));
