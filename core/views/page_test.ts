import assert from "node:assert/strict";
import { connectAsSuperuser } from "../../testing/database_server.ts";
import { testSocket } from "../../testing/database.ts";
import { AppError } from "../errors.ts";
import { caseless, containing, makePage, readCursor, readLimit } from "./page.ts";

const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, id: `${i}`, word: `w${i}` }));

Deno.test("a page ends where the rows end, and its cursor names the last row shown", () => {
  const whole = makePage(rows(3), 3, "words", 3, (row) => row.word);
  assert.deepEqual(whole, { items: ["w0", "w1", "w2"], next: null, total: 3 });
  const part = makePage(rows(4), 3, "words", 9, (row) => row.word);
  assert.deepEqual(part.items, ["w0", "w1", "w2"]);
  assert.deepEqual(readCursor(part.next, "words"), { key: "k2", id: "2" });
  assert.equal(makePage([], 3, "words", 0, (row: { key: string; id: string }) => row).next, null);
});

Deno.test("cursors that are not ours, or of another list", () => {
  const encode = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const bad = [
    "x",
    "null",
    "'; drop table hosts",
    "a".repeat(8001),
    encode(null),
    encode(["other", "k", "1"]),
    encode(["words", "k"]),
    encode(["words", "k", "1", "2"]),
    encode(["words", 1, 2]),
    encode(["words", "a\u0000", "1"]),
    encode(["words", "x".repeat(2001), "1"]),
    encode({ 0: "words", 1: "k", 2: "1", length: 3 }),
    encode(["words", "k", "1"]).slice(0, -2),
  ];
  for (const cursor of bad) {
    assert.throws(
      () => readCursor(cursor, "words"),
      (error: AppError) => error.code === "bad_request",
      cursor.slice(0, 50),
    );
  }
  for (const none of [null, undefined, ""]) assert.equal(readCursor(none, "words"), null);
});

Deno.test("page sizes out of bounds are refused, not silently changed", () => {
  assert.equal(readLimit(undefined, 50, 200), 50);
  assert.equal(readLimit(1, 50, 200), 1);
  assert.equal(readLimit(200, 50, 200), 200);
  for (const limit of [0, -1, 201, 1.5, NaN, Infinity]) {
    assert.throws(() => readLimit(limit, 50, 200), (error: AppError) => error.code === "validation_failed", `${limit}`);
  }
});

Deno.test("what is searched for stands for itself", () => {
  assert.equal(containing("50%_a\\b"), "%50\\%\\_a\\\\b%");
});

Deno.test("capitals are the same as in the browser, in a database of any locale", async () => {
  const words = [
    ...["ŻÓŁW", "żółw", "İSTANBUL", "I", "ΟΔΌΣ", "ΣΑΣ 1", "ДОМ", "ÅÄÖ", "STRASSE ẞ", "\u{10400}", "Ǆ", "K", "N-1|x_%"],
  ];
  const server = testSocket();
  // The second takes İ and I for other letters than everybody else; the third knows A to Z only.
  const locales = ["icu icu_locale 'und'", "icu icu_locale 'tr-TR'", "libc"];
  for (const provider of locales) {
    const name = `test_locale_${crypto.randomUUID().slice(0, 8)}`;
    const superuser = await connectAsSuperuser(server);
    try {
      await superuser.unsafe(
        `create database ${name} template template0 encoding 'UTF8' locale 'C' locale_provider ${provider}`,
      );
      const sql = await connectAsSuperuser(server, name);
      try {
        for (const word of words) {
          const [{ small, found, alone }] = await sql`
            select lower(${caseless(sql, sql`${word}::text`)}) as small,
              ${caseless(sql, sql`${`a\n${word} b`}::text`)} ilike ${containing(word.toLowerCase())} as found,
              lower(${word}) as alone`;
          assert.deepEqual([small, found], [word.toLowerCase(), true], `${word} where the locale is ${provider}`);
          if (provider === "libc" && word === "ŻÓŁW") assert.notEqual(alone, "żółw", "it matters here");
        }
      } finally {
        await sql.end({ timeout: 5 });
      }
    } finally {
      await superuser.unsafe(`drop database if exists ${name}`);
      await superuser.end({ timeout: 5 });
    }
  }
});
