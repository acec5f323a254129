import { HttpError, page } from "../../../mod.ts";
import { define } from "../../site.ts";
import Counter from "../../islands/counter.tsx";
import { signal } from "@preact/signals";

export const access = {
  GET: { role: "auditor", scope: "hosts", audit: null },
  POST: { role: "operator", scope: "hosts", audit: "host.rename" },
};

export const handler = define.handlers({
  GET(ctx) {
    if (ctx.params.id === "0") throw new HttpError(404);
    return page({ id: ctx.params.id, problem: "" });
  },
  async POST(ctx) {
    const name = (await ctx.req.formData()).get("name");
    if (!name) {
      return page({ id: ctx.params.id, problem: "A host needs a name." }, { status: 422, headers: { "x-kept": "1" } });
    }
    return ctx.redirect(`/hosts/${ctx.params.id}`);
  },
});

export default define.page<typeof handler>(({ data, state, url }) => {
  state.title = `Host ${data.id}`;
  return (
    <>
      <h1>Host {data.id}</h1>
      <p id="tab-shown">{url.searchParams.get("tab")}</p>
      {data.problem && <p role="alert">{data.problem}</p>}
      <form>
        <input name="tab" id="tab" aria-label="Tab" />
      </form>
      <form method="post">
        <input name="name" aria-label="Name" />
        <button type="submit" id="rename">Rename</button>
      </form>
      <Counter id="d" count={signal(100)} since={new Date(0)} />
    </>
  );
});
