import assert from "node:assert/strict";
import { colonPattern, compareSpecificity, fileRole, foldersOf } from "./patterns.ts";

Deno.test("names that break a convention are refused with the file's name", () => {
  for (
    const [file, words] of [
      ["routes/_helper.ts", /_app, _layout, _middleware, _error/],
      ["routes/hosts/_app.tsx", /one _app/],
      ["routes/Hosts.tsx", /no URL segment/],
      ["routes/host_list.tsx", /kebab-case/],
      ["routes/[Id].tsx", /no URL segment/],
      ["routes/[...rest]/more.tsx", /must come last/],
      ["routes/a b.tsx", /no URL segment/],
    ] as const
  ) {
    assert.throws(() => fileRole(file), (error: Error) => error.message.startsWith(file) && words.test(error.message));
  }
});

Deno.test("files that are no routes are left alone", () => {
  for (
    const file of [
      "routes/hosts_test.tsx",
      "routes/(_components)/part.tsx",
      "routes/hosts/(_middleware)/session.ts",
      "routes/notes.md",
      "routes/deep/(_components)/more/part.tsx",
    ]
  ) assert.equal(fileRole(file), null, file);
});

Deno.test("a file's path becomes its pattern", () => {
  for (
    const [file, pattern] of [
      ["routes/index.tsx", "/"],
      ["routes/hosts/index.tsx", "/hosts"],
      ["routes/hosts/[id].tsx", "/hosts/:id"],
      ["routes/hosts/[id]/packages.tsx", "/hosts/:id/packages"],
      ["routes/(account)/password.tsx", "/password"],
      ["routes/files/[...path].ts", "/files/:path{.+}"],
      ["routes/docs/openapi.json.ts", "/docs/openapi.json"],
    ]
  ) {
    const role = fileRole(file);
    assert.equal(role?.is === "page" && role.pattern, pattern);
  }
});

Deno.test("API files are mounted at their folder, whatever their name", () => {
  assert.deepEqual(fileRole("routes/api/v1/hosts.ts"), { is: "api", prefix: "/api/v1", folder: "routes/api/v1" });
  assert.deepEqual(fileRole("routes/api/v1/_middleware.ts"), { is: "middleware", folder: "routes/api/v1" });
});

Deno.test("the more exact pattern comes first", () => {
  const sorted = ["/:rest{.+}", "/hosts/:id", "/", "/hosts", "/hosts/new", "/hosts/:id/log", "/:page"];
  sorted.sort(compareSpecificity);
  assert.deepEqual(sorted, ["/", "/hosts", "/hosts/new", "/hosts/:id", "/hosts/:id/log", "/:page", "/:rest{.+}"]);
});

Deno.test("both ways to write a parameter mean the same", () => {
  assert.equal(colonPattern("/hosts/{id}/jobs/{job_id}"), "/hosts/:id/jobs/:job_id");
  assert.equal(colonPattern("/hosts/:id"), "/hosts/:id");
});

Deno.test("inherited files are looked for from the outside in", () => {
  assert.deepEqual(foldersOf("routes/a/(b)"), ["routes", "routes/a", "routes/a/(b)"]);
});
