import { PackageList, PatchList } from "../protocol/api.ts";
import type { Report } from "../core/patches/types.ts";

/** What a host has pending, and installed, in reports of benches. */
export const PATCHES = 40;
export const PACKAGES = 600;

/** A host's report: forty of two thousand updates pending, six hundred packages installed. */
export function sampleReport(seed: number): Report {
  const name = (i: number) => `package-${(i * 13 + seed * 7) % 2_000}`;
  const patches = PatchList.parse({
    patches: Array.from({ length: PATCHES }, (_, i) => ({
      name: name(i),
      arch: "amd64",
      current_version: "1.0-1",
      available_version: "1.0-2",
      severity: ["critical", "high", "medium", "unknown"][i % 4],
      severity_source: "vendor-advisory",
      security: i % 3 === 0,
      cve_ids: i % 3 === 0 ? [`CVE-2026-99${1000 + i}`] : [],
      repository: ["stable-security/main"],
      size_bytes: 100_000,
      description: "A library of things that other things need",
    })),
    index_age_seconds: 5,
    state: "ok",
  });
  const { packages } = PackageList.parse({
    packages: Array.from({ length: PACKAGES }, (_, i) => ({
      name: name(i),
      arch: "amd64",
      version: `1.0-${seed % 5}`,
      size_bytes: 1_000_000,
    })),
  });
  return { patches, packages, etags: { patches: null, packages: null } };
}
