import assert from "node:assert/strict";
import { epochMs } from "../core/clock.ts";
import { fakeClock } from "./fake_clock.ts";

Deno.test("what is no instant is refused", () => {
  assert.throws(() => fakeClock("2026-11-20"), RangeError);
  assert.throws(() => fakeClock().set("tomorrow"), RangeError);
  assert.throws(() => fakeClock().advance({ days: 1 }), RangeError, "an instant knows no days");
});

Deno.test("it stands still until it is moved", () => {
  const clock = fakeClock("2026-11-20T10:00:00Z");
  assert.equal(String(clock.now()), "2026-11-20T10:00:00Z");
  assert.equal(epochMs(clock), epochMs(clock));
  assert.equal(String(clock.advance({ minutes: 90, milliseconds: 5 })), "2026-11-20T11:30:00.005Z");
  assert.equal(String(clock.now()), "2026-11-20T11:30:00.005Z");
  clock.advance({ hours: -2 });
  assert.equal(String(clock.now()), "2026-11-20T09:30:00.005Z");
  clock.set("2027-01-01T00:00:00+01:00");
  assert.equal(String(clock.now()), "2026-12-31T23:00:00Z");
});
