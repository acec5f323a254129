import assert from "node:assert/strict";
import { read } from "../backends/apt/command.ts";
import { breakCode } from "./job_context.ts";

Deno.test("a program that does not answer ends a job as a timeout, in words that help", async () => {
  const hanging = { program: "/usr/bin/tail", args: ["-f", "/dev/null"], env: {} };
  const error = await read(hanging, 20).then(() => null, (thrown) => thrown);
  assert.match(error.message, /^\/usr\/bin\/tail did not answer within 0\.02 s\. .*try again\.$/);
  assert.equal(breakCode(error), "TIMEOUT");
});

Deno.test("errors of the system have the codes that operators know", () => {
  const cases: [error: unknown, code: string][] = [
    [Object.assign(new Error("no space"), { code: "ENOSPC" }), "DISK_FULL"],
    [Object.assign(new Error("quota"), { code: "EDQUOT" }), "DISK_FULL"],
    [Object.assign(new Error("no access"), { code: "EACCES" }), "UNKNOWN_ERROR"],
    [new Error("else"), "UNKNOWN_ERROR"],
    ["thrown words", "UNKNOWN_ERROR"],
  ];
  for (const [error, code] of cases) assert.equal(breakCode(error), code, String(error));
});
