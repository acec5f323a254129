import { secretToken, sha256, uuidv7 } from "../core/ids.ts";
import { type Scope, scopes as allScopes } from "../core/tokens/scopes.ts";
import { TOKEN_PREFIX } from "../core/tokens/types.ts";
import type { HttpClient } from "./http_client.ts";
import type { TestSite } from "./site.ts";

export interface TestToken {
  id: string;
  token: string;
  /** Sends it with every request. */
  client: HttpClient;
}

export interface TestTokenOptions {
  /** All of them when absent. */
  scopes?: readonly Scope[];
  groups?: string[] | null;
  networks?: string[] | null;
  /** From the site's clock; negative for one that has ended. */
  expires_in_days?: number;
}

/** An API token of a user, written straight into the database: for what tests do with one, not for how one is made. */
export async function makeApiToken(
  site: TestSite,
  user_id: string,
  { scopes = allScopes, groups = null, networks = null, expires_in_days = 1 }: TestTokenOptions = {},
): Promise<TestToken> {
  const { sql } = site.database;
  await giveFactor(site, user_id);
  const id = uuidv7();
  const token = TOKEN_PREFIX + secretToken();
  const now = site.services.clock.now();
  const created_at = now.subtract({ hours: 24 * 400 });
  await sql`
    insert into api_tokens (id, user_id, name, hash, hint, scopes, group_ids, networks, created_at, expires_at)
    values (${id}, ${user_id}, ${`test ${id.slice(-6)}`}, ${await sha256(token)}, ${token.slice(0, 8)},
      ${[...scopes]}::text[], ${groups}::uuid[], ${networks}::text[]::cidr[], ${created_at},
      ${now.add({ hours: 24 * expires_in_days })})`;
  return { id, token, client: site.client({ authorization: `Bearer ${token}` }) };
}

/** A second factor that is set up: without one nothing is open to the user, nor to their tokens. */
export async function giveFactor({ database }: TestSite, user_id: string): Promise<void> {
  await database.sql`
    insert into totp_secrets (user_id, sealed, created_at, last_step)
    values (${user_id}, ${new Uint8Array(40)}, app_now(), 0) on conflict (user_id) do nothing`;
}
