import type { RouteAccess } from "../web/mod.ts";
import { preferenceCookie, RAIL_COOKIE, THEME_COOKIE } from "./(_role)/cookies.ts";
import { localPath, readForm } from "./(_role)/form.ts";
import { define } from "./(_role)/state.ts";

export const access = { role: "anonymous", scope: "none", audit: null } as const satisfies RouteAccess;

/** Theme and rail live in cookies, so that the first byte of a page is right already and nothing flickers. */
export const handler = define.handlers({
  async POST(ctx) {
    const form = await readForm(ctx.req, ["back", "theme", "rail"]);
    const answer = ctx.redirect(localPath(form.get("back")));
    const theme = form.get("theme");
    if (theme === "light" || theme === "dark" || theme === "system") {
      answer.headers.append("set-cookie", preferenceCookie(THEME_COOKIE, theme === "system" ? null : theme));
    }
    const rail = form.get("rail");
    if (rail === "collapsed" || rail === "shown") {
      answer.headers.append("set-cookie", preferenceCookie(RAIL_COOKIE, rail === "shown" ? null : rail));
    }
    return answer;
  },
});
