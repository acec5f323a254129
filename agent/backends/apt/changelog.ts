import type { ChangelogFailure, ChangelogSource, SecurityOffer, SourceChangelog } from "../../executor/cve_types.ts";
import { reason } from "../../../core/errors.ts";
import { readDebChangelog } from "./changelog_deb.ts";
import { downloadDeb, findInArchives } from "./changelog_download.ts";
import { idsSince, parseChangelog } from "./changelog_entries.ts";

/** Packages of one source that are tried, when the documents of the smaller ones are links. */
const TRIES = 4;

/** CVE ids of Debian's and Ubuntu's updates: neither index names them, the changelog inside each package does. */
export function createChangelogSource(root: string | null): ChangelogSource {
  return {
    since: idsSince,
    async read(offers, folder, spend, signal) {
      const open = await inOrder(root, offers);
      let failure: ChangelogFailure = { kind: "damaged", words: "The index does not say how large its packages are." };
      for (let tries = 0; tries < TRIES && open.length > 0 && !signal.aborted; tries++) {
        const { offer, cached } = open.shift()!;
        if (cached === null && !spend(offer.size!)) {
          return { kind: "over_budget", words: `${offer.name} is larger than what is left of today's downloads.` };
        }
        const answer = await readOne(root, offer, cached, folder, signal);
        if ("entries" in answer) return answer;
        if ("kind" in answer) {
          failure = answer;
          if (answer.kind === "unreachable") return answer;
          continue;
        }
        failure = { kind: "damaged", words: `${offer.name} has no changelog of ${offer.source}.` };
        // The one that the link names has the documents for certain.
        const named = open.findIndex((item) => item.offer.name === answer.sibling);
        if (named > 0) open.unshift(...open.splice(named, 1));
      }
      return failure;
    },
  };
}

/** What lies in apt's cache first, then the smallest; what has no size cannot be counted and is left out. */
async function inOrder(root: string | null, offers: SecurityOffer[]) {
  const list = await Promise.all(
    offers.filter((offer) => offer.size !== null && offer.size > 0).map(async (offer) => ({
      offer,
      cached: await findInArchives(root, offer),
    })),
  );
  return list.sort((a, b) => Number(a.cached === null) - Number(b.cached === null) || a.offer.size! - b.offer.size!);
}

async function readOne(
  root: string | null,
  offer: SecurityOffer,
  cached: string | null,
  folder: string,
  signal: AbortSignal,
): Promise<SourceChangelog | ChangelogFailure | { sibling: string | null }> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const work = await Deno.makeTempDir({ dir: folder, prefix: "download-" });
  try {
    const deb = cached ?? await downloadDeb(root, offer, work, signal);
    if (typeof deb !== "string") return deb;
    const found = await readDebChangelog(deb, offer.name, signal);
    if (found === null) return { sibling: null };
    if ("sibling" in found) return found;
    const changelog = parseChangelog(found.text, found.cut);
    // An upstream changelog may look like one of Debian's; ours has the version that we came for.
    return describes(changelog, offer) ? changelog : { sibling: null };
  } catch (error) {
    return { kind: "damaged", words: `${offer.name} cannot be read: ${reason(error)}`.slice(0, 512) };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A rebuild for one architecture may add an entry of its own above the source's. */
function describes(changelog: SourceChangelog, offer: SecurityOffer): boolean {
  return changelog.entries.slice(0, 3).some((entry) => entry.version === offer.source_version);
}
