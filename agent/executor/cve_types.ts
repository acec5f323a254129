/** A binary package on offer, with a fix in it that a security source announced, and the source it is built from. */
export interface SecurityOffer {
  /** Key of the listing: the name of the patch. */
  key: string;
  /** The exact argument parts, from our own listing. */
  name: string;
  arch: string;
  version: string;
  /** Bytes to download; null when the index does not say. */
  size: number | null;
  source: string;
  source_version: string;
  /** Of what is installed now; entries above it are what the update brings. */
  installed_source_version: string;
}

/** One version in a source package's changelog, with the CVE ids that its entry names. */
export interface ChangelogEntry {
  version: string;
  cve_ids: string[];
}

/** What was read out of a changelog, kept whole so that an update in between needs no second download. */
export interface SourceChangelog {
  /** Newest first. */
  entries: ChangelogEntry[];
  /** False when the distribution or our bounds cut off older entries. */
  complete: boolean;
}

/** Why a changelog could not be read. */
export interface ChangelogFailure {
  /** `damaged`: this version will read no better tomorrow. `unreachable`: another time may do. */
  kind: "unreachable" | "damaged" | "over_budget";
  words: string;
}

/** How a package manager without advisories gives the CVE ids of its updates. */
export interface ChangelogSource {
  /**
   * Reads one source's changelog out of the smallest of its packages that has it. Takes no lock.
   * @param offers binaries of one source in one version
   * @param folder of our own, may be missing; nothing is left in it
   * @param spend asked before each download; false means that so many bytes are not to be had today
   */
  read(
    offers: SecurityOffer[],
    folder: string,
    spend: (bytes: number) => boolean,
    signal: AbortSignal,
  ): Promise<SourceChangelog | ChangelogFailure>;
  /** Ids of the entries above the installed version, sorted; null when the changelog cannot tell. At most 2,048. */
  since(changelog: SourceChangelog, installed_source_version: string): string[] | null;
}
