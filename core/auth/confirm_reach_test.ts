import assert from "node:assert/strict";
import { testDatabase } from "../../testing/database.ts";
import { fakeClock } from "../../testing/fake_clock.ts";
import { addUser, callerContext } from "../../testing/job_scenario.ts";
import type { AppError } from "../errors.ts";
import { changeSetting } from "../settings/change_setting.ts";
import { confirmReach } from "./confirm_reach.ts";
import type { Proven } from "./recent.ts";

Deno.test("work on many hosts asks for a recent proof; how many are many is a setting", async () => {
  await using database = await testDatabase();
  const clock = fakeClock();
  const meets = async (proven_seconds_ago: number, hosts: number, token: Proven["token"] = null): Promise<string> => {
    const viewer = { authenticated_at: clock.now().subtract({ seconds: proven_seconds_ago }), token };
    try {
      await confirmReach(database.web, viewer, hosts, clock);
      return "passes";
    } catch (thrown) {
      return (thrown as AppError).code;
    }
  };
  const token = { id: "", name: "nightly", scopes: [], limited: false };
  const table: [number, number, Proven["token"], string][] = [
    [601, 26, null, "confirmation_required"],
    [86_400, 2_500, null, "confirmation_required"],
    [600, 2_500, null, "passes"],
    [601, 25, null, "passes"],
    [601, 0, null, "passes"],
    [601, 2_500, token, "passes"],
  ];
  for (const [ago, hosts, with_token, outcome] of table) {
    assert.equal(await meets(ago, hosts, with_token), outcome, `${hosts} hosts, proven ${ago} s ago`);
  }
  const admin = await addUser(database.sql, "admin");
  for (const hosts of [1, 2_500]) {
    await changeSetting(database.web, admin.id, "confirm.hosts", hosts, callerContext(admin));
    assert.equal(await meets(601, hosts), "passes");
    assert.equal(await meets(601, hosts + 1), "confirmation_required");
  }
  for (const value of [0, 2_501, 1.5]) {
    await assert.rejects(
      changeSetting(database.web, admin.id, "confirm.hosts", value, callerContext(admin)),
      /has to be/,
    );
  }
});
