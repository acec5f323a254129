import { define } from "../site.ts";
import { gate } from "../gate.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

export default define.page(async ({ state }) => {
  await gate.promise;
  state.title = "Slow";
  return <h1>Slow</h1>;
});
