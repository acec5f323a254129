import assert from "node:assert/strict";
import { processorTime } from "./process_time.ts";

Deno.test("the processor time of a process counts its children, also once they have ended", async () => {
  const before = processorTime(Deno.pid);
  // A third of a second of work, however long it takes on a busy machine.
  const work = "let n = 0; while (process.cpuUsage().user < 3e5) n++;";
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", `import process from "node:process"; ${work}`] });
  await child.output();
  const used = processorTime(Deno.pid) - before;
  assert.ok(used >= 0.25, `${used} s`);
});

Deno.test("a process that is not there has used none", () => {
  assert.equal(processorTime(2 ** 22 + 1), 0);
});
