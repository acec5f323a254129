import { type OutsideStatements, readOutside } from "./checkpoint_file.ts";
import { type PublicKeys, readPublicKeys, type StatementSigner } from "./signing_key.ts";

/** What proves the audit log and does not lie in the database. */
export interface AuditProof {
  signer: StatementSigner;
  keys: PublicKeys;
  /** Folder of the checkpoint files, below the state folder. */
  folder: string;
}

/**
 * What a verification outside of the web role holds the log against: the public keys beside the manager's others, and
 * the checkpoint files of a folder. No keys when there is no `audit.pub` so far.
 */
export async function readProof(
  pki_directory: string,
  folder: string,
): Promise<{ keys: PublicKeys | undefined; outside: OutsideStatements }> {
  const keys = await Deno.readTextFile(`${pki_directory}/audit.pub`).then(readPublicKeys, (thrown) => {
    if (thrown instanceof Deno.errors.NotFound) return undefined;
    throw thrown;
  });
  return { keys, outside: await readOutside(folder) };
}
