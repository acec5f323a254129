import { statusOf } from "../../mod.ts";
import { define } from "../site.ts";

export default define.page(({ error, state, url }) => {
  if (url.searchParams.has("broken")) throw new Error("the error page is broken too");
  state.title = "Problem";
  return <h1>Problem {statusOf(error)}</h1>;
});
