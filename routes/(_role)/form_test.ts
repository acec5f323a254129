import assert from "node:assert/strict";
import { AppError } from "../../core/errors.ts";
import { localPath, readForm } from "./form.ts";

const post = (body: string, type = "application/x-www-form-urlencoded") =>
  new Request("https://self.example/", { method: "POST", body, headers: { "content-type": type } });

Deno.test("only forms of our pages are read, and none with fields without end", async () => {
  for (
    const [request, what] of [
      [post("{}", "application/json"), "JSON"],
      [post("a=b", "text/plain"), "text, as a foreign form can send it"],
      [post("x", "multipart/form-data; boundary=x"), "multipart"],
      [post("a=b", "application/x-www-form-urlencoded-not"), "what only begins so"],
      [new Request("https://self.example/", { method: "POST" }), "no type at all"],
    ] as const
  ) {
    await assert.rejects(readForm(request), (error: AppError) => error.code === "unsupported_media_type", what);
  }
  await assert.rejects(
    readForm(post("host=1&".repeat(20_001))),
    (error: AppError) => error.code === "bad_request",
    "20,001 fields",
  );
  assert.equal((await readForm(post("host=1&".repeat(20_000)))).all("host").length, 20_000);
});

Deno.test("fields: absent ones are empty, the first of a name counts, NUL is taken out", async () => {
  const form = await readForm(
    post("a=1&a=2&b=x%00y&c=%E2%82%AC+1", "application/x-www-form-urlencoded; charset=utf-8"),
  );
  assert.equal(form.get("a"), "1");
  assert.deepEqual(form.all("a"), ["1", "2"]);
  assert.equal(form.get("b"), "xy");
  assert.equal(form.get("c"), "€ 1");
  assert.equal(form.get("nothing"), "");
  assert.deepEqual(form.all("nothing"), []);
});

Deno.test("a field that the form does not have, or that comes twice, is refused by its name", async () => {
  for (
    const [body, fields] of [
      ["a=1&b=2", ["b"]],
      ["a=1&a=2", ["a"]],
      ["a=1&A=1", ["A"]],
      ["a=1&__proto__=1&constructor=1", ["__proto__", "constructor"]],
      ["a=1&=1", ["body"]],
      ["a=1&list%5B%5D=1", ["list[]"]],
      [`a=1&${"x".repeat(5_000)}=1`, ["x".repeat(100)]],
    ] as const
  ) {
    await assert.rejects(readForm(post(body), ["a"], ["list"]), (error: AppError) => {
      assert.equal(error.code, "validation_failed");
      assert.deepEqual(error.details.map(({ field }) => field), fields);
      return true;
    }, body);
  }
  const form = await readForm(post("a=1&list=1&list=2"), ["a", "absent"], ["list"]);
  assert.deepEqual([form.get("a"), form.get("absent"), form.all("list")], ["1", "", ["1", "2"]]);
  assert.throws(() => form.get("b"), /does not declare b/);
});

Deno.test("an address from outside leads nowhere but within this site", () => {
  for (
    const text of [
      "https://evil.example/",
      "//evil.example/",
      "/\\evil.example/",
      "\\\\evil.example",
      "/\t/evil.example/",
      "/\n/evil.example/",
      "/..//evil.example/",
      "/.//evil.example/",
      "/hosts/%2e%2e//evil.example/",
      "/../\\evil.example/",
      "javascript:alert(1)",
      "evil.example",
      "",
      " /hosts",
      `/${"x".repeat(2_000)}`,
      "https://self.invalid/hosts",
    ]
  ) {
    assert.equal(localPath(text), "/", JSON.stringify(text));
  }
  for (
    const [text, path] of [
      ["/", "/"],
      ["/hosts?q=a%20b&health=healthy", "/hosts?q=a%20b&health=healthy"],
      ["/hosts#part", "/hosts"],
      ["/a/../hosts", "/hosts"],
      ["/@evil.example", "/@evil.example"],
    ]
  ) {
    assert.equal(localPath(text), path, text);
  }
});
