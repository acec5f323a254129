import assert from "node:assert/strict";
import { examples, forms, pages } from "../testing/api_examples.ts";
import { lacksExample, nameOf, walkMatrix } from "./access/matrix.ts";
import { emptySite } from "./pages/scenario.ts";

Deno.test("every route has an example, so that no route escapes the matrix; every example is of a route", async () => {
  await using site = await emptySite();
  const table = site.site.routeTable();
  assert.deepEqual(table.filter(lacksExample).map(nameOf), [], "add them below testing/examples/");
  const names = new Set(table.map(nameOf));
  const gone = [examples, forms, pages].flatMap(Object.keys).filter((name) => !names.has(name));
  assert.deepEqual(gone, [], "no route has these names any more");
});

Deno.test("every operation and socket × who asks: what the route table and the specification say", async (t) => {
  await walkMatrix(t, ["api", "upgrade"]);
});
