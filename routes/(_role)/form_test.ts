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
      [new Request("https://self.example/", { method: "POST" }), "no type at all"],
      [post("host=1&".repeat(20_001)), "20,001 fields"],
    ] as const
  ) {
    await assert.rejects(readForm(request), (error: AppError) => error.code === "bad_request", what);
  }
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
