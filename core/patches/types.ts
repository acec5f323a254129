import type { InstalledPackage, PatchList, PatchState, Severity } from "../../protocol/api.ts";

/** An installed package in the form that is stored. */
export interface NormalPackage {
  name: string;
  /** Empty when the agent does not say. */
  arch: string;
  version: string;
  held: boolean;
  size_bytes: number | null;
  source_package: string | null;
  /** RFC 3339 with Z, or null. */
  installed_at: string | null;
}

/** What a repository offers: the same on every host that sees that repository, so it is stored once. */
export interface NormalOffer {
  name: string;
  arch: string;
  version: string;
  repositories: string[];
  security: boolean;
  /** False where the agent does not say; that is not "no". */
  security_known: boolean;
  security_version: string | null;
  severity: Severity;
  /** `vendor-advisory`, `none`, or `unverified`: a public agent's guess from the name. */
  severity_source: string;
  cve_ids: string[];
  cve_source: string;
  advisory_ids: string[];
  size_bytes: number | null;
  installed_size_delta_bytes: number | null;
  source_package: string | null;
  description: string | null;
  requires_reboot: boolean;
}

/** A pending update of one host in the form that is stored. */
export interface NormalPatch {
  offer: NormalOffer;
  /** SHA-256 of the offer, hexadecimal. */
  offer_hash: string;
  /** Null when the agent cannot say. */
  current_version: string | null;
  state: PatchState;
  state_reason: string | null;
  phased_percent: number | null;
  new_dependencies: string[];
  /** What it would remove; then it is never installed by us. */
  removes: string[];
  /** Why a restart is needed for it; null when none is, or nobody says. */
  reboot_reason: string | null;
}

/** Numbers of one host that pages sum up. */
export interface PatchCounts {
  pending: number;
  installable: number;
  security: number;
  critical: number;
  high: number;
  medium: number;
  low: number;
  unknown: number;
  held: number;
  phased: number;
  kept_back: number;
  pinned: number;
  excluded: number;
  blocked: number;
  /** Of which the agent does not say whether they are security updates: they count for neither. */
  security_unknown: number;
  /** Different CVEs among all pending updates. */
  cves: number;
}

/** What a host answered to `GET /patches` and `GET /packages`. */
export interface Report {
  /** Null: not modified (304) since the last accepted one. */
  patches: PatchList | null;
  packages: InstalledPackage[] | null;
  /** Of these answers; null when the agent sent none. */
  etags: { patches: string | null; packages: string | null };
}

/** What became of a report. */
export interface RecordedReport {
  /** False when the host was removed meanwhile: then nothing was written. */
  accepted: boolean;
  patches_changed: boolean;
  packages_changed: boolean;
}
