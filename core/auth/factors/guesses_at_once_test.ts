import assert from "node:assert/strict";
import { testDatabase } from "../../../testing/database.ts";
import { fakeClock } from "../../../testing/fake_clock.ts";
import { addUser, callerContext } from "../../../testing/job_scenario.ts";
import { testFolder } from "../../../testing/test_folder.ts";
import { AppError } from "../../errors.ts";
import { openSealer } from "../sealer.ts";
import { openSession } from "../sessions.ts";
import { totpPurpose } from "./check_code.ts";
import { giveCode } from "./give_factor.ts";
import { CODE_THROTTLES } from "./rules.ts";
import { newSecret } from "./totp.ts";

Deno.test("of many guesses at a code at the same time none goes by uncounted", async () => {
  await using database = await testDatabase();
  // It stands still: on a busy machine a pause would be over before the last guess came.
  const clock = fakeClock("2026-11-20T10:00:00Z");
  await database.setNow(clock.now());
  await using folder = await testFolder();
  const sealer = await openSealer(folder.path);
  const user = await addUser(database.sql, "operator");
  const sealed = await sealer.seal(new TextEncoder().encode(newSecret()), totpPurpose(user.id));
  await database.sql`
    insert into totp_secrets (user_id, sealed, created_at, last_step) values (${user.id}, ${sealed}, app_now(), 0)`;
  const context = callerContext(user, clock);
  const client = { address: "127.0.0.1", user_agent: null };
  const person = { ...user, username: "ines", display_name: "", must_change: false };
  const proven = { stage: "factor" as const, methods: ["pwd"] as const };
  const { viewer } = await openSession(database.web, person, "browser", client, context.clock, proven);
  const vault = { sql: database.web, sealer };
  const codes = Array.from({ length: 60 }, (_, n) => String(n).padStart(6, "0"));
  const met = await Promise.all(
    codes.map((code) =>
      giveCode(vault, viewer, code, client, context).then(() => "let in", (thrown) => {
        if (!(thrown instanceof AppError)) throw thrown;
        return thrown.code;
      })
    ),
  );
  const looked_at = met.filter((code) => code === "factor_failed").length;
  // One more than is free of a pause: that one brings the pause about.
  assert.ok(looked_at <= CODE_THROTTLES.pair.free + 1, `${looked_at} guesses were looked at`);
  assert.ok(met.filter((code) => code === "too_many_requests").length >= 50, met.join());
  const [{ rows }] = await database.sql`
    select count(*)::int as rows from audit_log where action = 'auth.factor' and outcome = 'failure'`;
  assert.equal(rows, looked_at, "each that was looked at is a row");
  const denied = await database.sql`select from audit_log where action = 'auth.factor' and outcome = 'denied'`;
  assert.equal(denied.length, 1, "and of those that had to wait the first");
});
