import { define } from "../../site.ts";

export default define.middleware((ctx) => {
  ctx.state.steps.push("hosts");
  return ctx.next();
});
