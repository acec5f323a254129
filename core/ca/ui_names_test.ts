import assert from "node:assert/strict";
import { uiNames } from "./ui_names.ts";

const server = { names: ["localhost", "127.0.0.1"], public_url: null, certificate_file: null };

for (
  const [what, given, names] of [
    ["the configured names alone", {}, ["localhost", "127.0.0.1"]],
    ["the host of the public address", { public_url: "https://patch.example.org:8443" }, [
      "localhost",
      "127.0.0.1",
      "patch.example.org",
    ]],
    ["an IPv6 address without its brackets", { public_url: "https://[2001:db8::1]" }, [
      "localhost",
      "127.0.0.1",
      "2001:db8::1",
    ]],
    ["a name once", { public_url: "https://localhost:8443" }, ["localhost", "127.0.0.1"]],
    ["none, when the operator brings a certificate", { certificate_file: "/etc/patch-manager/ui.crt" }, null],
  ] as const
) {
  Deno.test(`names of the web certificate: ${what}`, () => {
    assert.deepEqual(uiNames({ ...server, names: [...server.names], ...given }), names);
  });
}
