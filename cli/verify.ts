import { linesOfFile, type OutsideStatements, readStatementFile } from "../core/audit/checkpoint_file.ts";
import { readProof } from "../core/audit/proof.ts";
import { type PublicKeys, readPublicKeys } from "../core/audit/signing_key.ts";
import type { AuditVerdict } from "../core/audit/types.ts";
import { verifyAudit } from "../core/audit/verify_audit.ts";
import { verifyExport } from "../core/audit/verify_export.ts";
import { DEFAULT_FILE, loadConfig } from "../core/config/load_config.ts";
import { databaseUrlOf } from "../core/config/types.ts";
import { AppError } from "../core/errors.ts";
import { createLog } from "../core/log.ts";
import { auditFolder } from "../core/permissions.ts";
import { type Arguments, readArguments, UsageError } from "./arguments.ts";
import { connectAsOwner, noDatabase } from "./prepare.ts";
import { complain, say } from "./program.ts";

/**
 * `verify audit`: recomputes the audit chain, of the database or of an export, and holds it against the signed
 * checkpoints. Exit code 0 when it is intact, 1 when it is broken, naming the first row, 2 when it could not be told.
 */
export async function verify(args: readonly string[]): Promise<number> {
  const flags = readArguments(args, {
    ...{ config: "value", json: "switch" },
    ...{ export: "value", checkpoints: "value", keys: "value" },
  });
  if (flags.words.length > 1 || (flags.words[0] ?? "audit") !== "audit") {
    throw new UsageError(`"${flags.words.at(-1)}" is not understood here; verify audit is what there is.`);
  }
  try {
    const verdict = flags.values.export === undefined ? await ofDatabase(flags) : await ofExport(flags);
    if (verdict === null) return 2;
    if (flags.switches.has("json")) say(JSON.stringify(verdict));
    else for (const line of verdictWords(verdict)) say(line);
    return verdict.intact ? 0 : 1;
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== "bad_request") throw thrown;
    return complain(`${thrown.message} ${thrown.hint}`), 2;
  }
}

async function ofDatabase(flags: Arguments): Promise<AuditVerdict | null> {
  const { config, file } = loadConfig(flags.values.config);
  if (databaseUrlOf("main", config) === null) return complain(noDatabase(file ?? DEFAULT_FILE)), null;
  const proof = await readProof(config.pki.directory, auditFolder(config));
  const outside = await givenCheckpoints(flags, proof.outside);
  const keys = await givenKeys(flags) ?? proof.keys;
  await using owner = await connectAsOwner(config, createLog({ level: "warn", format: "text" }));
  return await verifyAudit(owner.sql, { keys, outside });
}

/** Nothing of this machine is looked at, so that it can be done on any other. */
async function ofExport(flags: Arguments): Promise<AuditVerdict> {
  const verdict = await verifyExport(linesOfFile(flags.values.export), {
    keys: await givenKeys(flags),
    outside: await givenCheckpoints(flags, undefined),
  });
  if (verdict.own_keys && !flags.switches.has("json")) {
    complain(
      "Without --keys the signatures are held against the keys in the export itself, which whoever made the file chose. " +
        "Take audit.pub from the manager's folder of keys.",
    );
  }
  return verdict;
}

async function givenCheckpoints(flags: Arguments, others: OutsideStatements | undefined) {
  const path = flags.values.checkpoints;
  if (path === undefined) return others;
  const given = await readStatementFile(path);
  return {
    statements: [...others?.statements ?? [], ...given.statements],
    unreadable: (others?.unreadable ?? 0) + given.unreadable,
  };
}

async function givenKeys(flags: Arguments): Promise<PublicKeys | undefined> {
  const path = flags.values.keys;
  if (path === undefined) return undefined;
  let text = "";
  for await (const line of linesOfFile(path)) text += `${line}\n`;
  const keys = readPublicKeys(text);
  if (keys.size > 0) return keys;
  throw new AppError("bad_request", {
    message: `${path} holds no public key of an audit log.`,
    hint: "Take audit.pub from the manager's folder of keys.",
  });
}

const count = (rows: number) => `${rows} ${rows === 1 ? "row" : "rows"}`;

/** What a verdict means, in sentences. */
export function verdictWords(verdict: AuditVerdict): string[] {
  if (!verdict.intact) {
    const rows = verdict.rows === 1 ? "1 row before it holds" : `${verdict.rows} rows before it hold`;
    return [`The audit log is broken at row ${verdict.first_broken}: ${verdict.problem}. ${rows}.`];
  }
  const lines = [`The audit log is intact, ${count(verdict.rows)}.`];
  if (verdict.first > 1) lines.push(`Rows before ${verdict.first} were removed by age, behind a signed marker.`);
  lines.push(
    verdict.proven_to === null
      ? "No checkpoint from outside of the database was there: an end that was cut off, or a log that was written anew by " +
        "somebody who may write everything in the database, would not show."
      : `Checkpoints outside of the database prove it up to row ${verdict.proven_to}.`,
  );
  if (verdict.unknown > 0) lines.push(`${verdict.unknown} signed statements could not be judged.`);
  return lines;
}
