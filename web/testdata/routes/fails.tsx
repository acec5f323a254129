import { define } from "../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

export const handler = define.handlers({
  GET() {
    throw new Error("secret in /var/lib");
  },
  POST: (ctx) => ctx.redirect("//elsewhere.example/"),
  PUT: (ctx) => ctx.redirect("https://elsewhere.example/a", { status: 302, external: true }),
});

export default define.page<typeof handler>(() => <h1>Never</h1>);
