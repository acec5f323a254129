import type { ChangelogEntry, SourceChangelog } from "../../executor/cve_types.ts";
import { compareVersions } from "./debian_version.ts";

/** `source (version) distributions; metadata`, at the very start of its line (deb-changelog(5)). */
const HEADER = /^[A-Za-z0-9][A-Za-z0-9+.-]* \(((?:\d{1,9}:)?[A-Za-z0-9.+:~-]{1,255})\)[^;]{0,512};/;
/** Twelve digits are what the manager stores; the longest in use has seven. */
const CVE = /(?<![A-Za-z0-9])CVE-\d{4}-\d{4,12}(?!\d)/g;
/** What debhelper and Ubuntu's builders write where they cut. */
const CUT = /^# (?:older entries have been removed|for older changelog entries)/i;
/** A header is in the first part of its line; a longer line is text. */
const HEADER_LENGTH = 1024;
const ENTRY_LIMIT = 5_000;
/** Ids that one changelog keeps, and that one update shows (the wire takes no more). */
const ID_LIMIT = 4_096;
const SHOWN_LIMIT = 2_048;

/**
 * Reads a Debian changelog, newest entry first. Bounded: beyond 5,000 entries or 4,096 ids the rest is left out and
 * the changelog is not complete.
 * @param cut true when the text itself ends before the changelog does
 */
export function parseChangelog(text: string, cut = false): SourceChangelog {
  const entries: ChangelogEntry[] = [];
  let complete = !cut;
  let found = new Set<string>();
  let ids = 0;
  const close = () => {
    const last = entries.at(-1);
    if (last) last.cve_ids = [...found].sort();
    ids += found.size;
    found = new Set();
  };
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    const header = HEADER.exec(line.slice(0, HEADER_LENGTH));
    if (header) {
      close();
      if (entries.length === ENTRY_LIMIT || ids >= ID_LIMIT) return { entries, complete: false };
      entries.push({ version: header[1], cve_ids: [] });
    } else if (CUT.test(line)) complete = false;
    // Text before the first header belongs to no version.
    else if (entries.length > 0) {
      for (const [id] of line.matchAll(CVE)) {
        if (found.size < SHOWN_LIMIT) found.add(id);
        else complete = false;
      }
    }
  }
  close();
  return { entries, complete };
}

/**
 * The ids that an update brings: of all entries above the installed version. Reading ends at the first entry that is
 * not above it, because older history may have been numbered in another way (`20081212` before `1.0`).
 * @returns sorted, at most 2,048, those of the newest entries; null when none is named in what is left of a changelog
 * that was cut off before the installed version: nothing is known then, which is not the same as no flaws
 */
export function idsSince(changelog: SourceChangelog, installed_source_version: string): string[] | null {
  const ids = new Set<string>();
  let whole = changelog.complete;
  for (const entry of changelog.entries) {
    if (compareVersions(entry.version, installed_source_version) <= 0) {
      whole = true;
      break;
    }
    for (const id of entry.cve_ids) ids.add(id);
  }
  if (ids.size === 0 && !whole) return null;
  return [...ids].slice(0, SHOWN_LIMIT).sort();
}
