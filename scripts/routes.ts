/** Prints every route with who may use it; `--json` for machines. A route without access makes it fail. */
import { productRoutes } from "../routes/(_role)/site.ts";
import type { RouteEntry } from "../web/mod.ts";

/** The table as aligned text. */
export function printTable(routes: readonly RouteEntry[]): string {
  const rows = routes.map(({ method, pattern, access, kind, file }) => [
    method,
    pattern,
    access.role,
    access.tells_all ? "all, not for operators" : access.scope === "hosts" ? "own hosts" : "",
    access.recent ? "10 min" : "",
    access.audit ?? "",
    kind,
    file,
  ]);
  const head = ["METHOD", "PATH", "ROLE", "SCOPE", "PROOF", "AUDIT", "KIND", "FILE"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  return [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd())
    .join("\n");
}

if (import.meta.main) {
  try {
    const routes = productRoutes();
    console.log(Deno.args.includes("--json") ? JSON.stringify(routes, null, 2) : printTable(routes));
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    Deno.exitCode = 1;
  }
}
