import assert from "node:assert/strict";
import { addInstallDates, createInstallDates, installDateOf } from "./install_dates.ts";
import { sandboxTest } from "./sandbox_fixture_test.ts";

sandboxTest("every installed package has the day of its version, and an update changes it", async (bed) => {
  const before = (await bed.apt.listing()).installed;
  const now = Date.parse((await bed.run("/usr/bin/date", ["-u", "+%Y-%m-%dT%H:%M:%SZ"])).stdout.trim());
  for (const row of before) assert.ok(Math.abs(Date.parse(row.install_date!) - now) < 600_000, row.name);
  const path = `${bed.root}/var/lib/dpkg/info/curlew.list`;
  await Deno.utime(path, 1_700_000_000, 1_700_000_000);
  const fresh = createInstallDates(bed.root);
  assert.equal((await fresh()).get("curlew"), "2023-11-14T22:13:20.000Z");
  assert.equal((await bed.run("/usr/bin/apt-get", ["-y", "-q", "install", "curlew"])).code, 0);
  const dates = await fresh();
  assert.ok(Date.parse(dates.get("curlew")!) >= now, "the kept answer ends with the change");
  assert.equal(dates, await fresh(), "and is kept again");
});

Deno.test("a package of several architectures has a date each; one without a list has none", () => {
  const dates = new Map([["libc6:amd64", "A"], ["libc6:armhf", "B"], ["bash", "C"]]);
  assert.equal(installDateOf(dates, "libc6", "amd64"), "A");
  assert.equal(installDateOf(dates, "bash", "amd64"), "C");
  const rows = [{ name: "libc6", version: "1", arch: "amd64" }, { name: "libc6:armhf", version: "1", arch: "armhf" }];
  assert.deepEqual(addInstallDates([...rows, { name: "x", version: "1" }], dates).map((row) => row.install_date), [
    "A",
    "B",
    null,
  ]);
});

Deno.test("without dpkg's folder there are no dates", async () => {
  assert.equal((await createInstallDates("/var/tmp/there/is/nothing")()).size, 0);
});
