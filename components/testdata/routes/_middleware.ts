import { define } from "../site.ts";

export default define.middleware(async (ctx) => {
  const theme = ctx.url.searchParams.get("theme");
  if (theme === "light" || theme === "dark") ctx.state.theme = theme;
  const response = await ctx.next();
  response.headers.set(
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
      "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  return response;
});
