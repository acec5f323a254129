import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import type { Role, Viewer } from "../auth/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError, type Problem } from "../errors.ts";
import { secretToken, sha256, uuidv7 } from "../ids.ts";
import { type Scope, scopeWords } from "./scopes.ts";
import { insertToken, knownGroups, lockOpenNames } from "./store.ts";
import { type MadeToken, MOST_TOKENS, TOKEN_PREFIX, TokenRequest } from "./types.ts";

const RANK: Record<Role, number> = { auditor: 1, operator: 2, admin: 3 };

/**
 * Makes an API token of the viewer's own. It is in the answer and nowhere else: the database keeps its SHA-256.
 *
 * @throws AppError validation_failed; token_not_allowed when a token asks for another
 */
export async function createToken(sql: Sql, viewer: Viewer, request: unknown, context: Context): Promise<MadeToken> {
  if (viewer.token) throw new AppError("token_not_allowed");
  const read = TokenRequest.safeParse(request);
  if (!read.success) {
    refuse(read.error.issues.map(({ path, message }) => ({ field: path.join("."), problem: message })));
  }
  const { name, expires_in_days } = read.data;
  const scopes = [...new Set(read.data.scopes)];
  const group_ids = read.data.group_ids ? [...new Set(read.data.group_ids)] : null;
  const networks = read.data.networks ? [...new Set(read.data.networks)] : null;
  const problems = scopes.flatMap((scope) => scopeProblem(scope, viewer.role, group_ids !== null));
  if (problems.length > 0) refuse(problems);
  const id = uuidv7(context.clock);
  const token = TOKEN_PREFIX + secretToken();
  const hash = await sha256(token);
  const created_at = context.clock.now();
  const expires_at = created_at.add({ hours: 24 * expires_in_days });
  await transaction(sql, async (tx) => {
    const names = await lockOpenNames(tx, viewer.id, created_at);
    if (names.includes(name)) {
      refuse([{
        field: "name",
        problem: "You have a token of this name already.",
        hint: "Name it after what it is for.",
      }]);
    }
    if (names.length >= MOST_TOKENS) {
      refuse([{ field: "name", problem: `You have ${MOST_TOKENS} tokens already.`, hint: "Revoke one first." }]);
    }
    if (group_ids && (await knownGroups(tx, viewer.id, group_ids)).length < group_ids.length) {
      const hint = "Choose among the groups that you may see.";
      refuse([{ field: "group_ids", problem: "There is no such group.", hint }]);
    }
    const hint = token.slice(0, TOKEN_PREFIX.length + 4);
    await insertToken(tx, {
      id,
      user_id: viewer.id,
      name,
      hash,
      hint,
      scopes,
      group_ids,
      networks,
      created_at,
      expires_at,
    });
    await appendFor(tx, context, {
      action: "api_token.create",
      object: { kind: "api_token", id, name },
      outcome: "success",
      details: { scopes, groups: group_ids, networks, expires_at: expires_at.toString() },
    });
  });
  return { id, token, expires_at };
}

function scopeProblem(scope: Scope, role: Role, limited: boolean): Problem[] {
  const { title, role: least, with_groups } = scopeWords[scope];
  if (RANK[role] < RANK[least]) {
    return [{ field: "scopes", problem: `"${title}" is for ${least}s.`, hint: `You are ${role}: leave it out.` }];
  }
  if (limited && !with_groups) {
    const hint = "Leave it out, or make the token for all hosts.";
    return [{ field: "scopes", problem: `"${title}" cannot be limited to groups.`, hint }];
  }
  return [];
}

function refuse(details: Problem[]): never {
  throw new AppError("validation_failed", { details });
}
