import { walkMatrix } from "./access/matrix.ts";

Deno.test("every page and file × who asks: what the route table and the specification say", async (t) => {
  await walkMatrix(t, ["page", "static"]);
});
