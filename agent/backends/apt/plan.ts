import type { PackageChange } from "../../../protocol/api.ts";
import type { Choice, Plan } from "../../executor/package_manager.ts";
import { planArguments, upgradeSimulation } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { explainFailure } from "./failures.ts";
import { type InstalledRow, isConfigured, isHeld, readInstalled, stateWords } from "./installed.ts";
import { keptBackReason } from "./kept_back.ts";
import { type Offer, readOffers, target } from "./listing.ts";
import { securityVersion } from "./policy.ts";
import { parseSimulation } from "./simulation.ts";

/**
 * What an order would do now. Names are only keys into the listing read here, by exact match; nothing of the
 * order's text becomes an argument. Refuses (`refused` not empty) what is not on offer, another version than the
 * approved one, removals, downgrades, and changes of installed packages that nobody approved.
 */
export async function makePlan(root: string | null, native: string, choice: Choice): Promise<Plan> {
  const rows = await readInstalled(root, native);
  const [offers, simulation] = await Promise.all([
    readOffers(root, rows),
    read(aptCall(root, programs.apt_get, upgradeSimulation)),
  ]);
  const plan: Plan = { targets: [], changes: [], automatic: [], refused: [], error_code: null };
  if (simulation.code !== 0) {
    const failure = explainFailure(simulation.stderr + simulation.stdout, "apply");
    return refuse(plan, failure.code, rows.filter((row) => !isConfigured(row)).map((row) => row.key), failure.words);
  }
  const installable = new Set(
    parseSimulation(simulation.stdout).filter((item) => item.from !== null).map((i) => i.name),
  );
  const chosen = choice.packages === null
    ? offers.filter((offer) => installable.has(offer.row.key))
    : await chooseByName(root, native, choice, { rows, offers, installable }, plan);
  if (plan.refused.length > 0) return plan;
  const targets = chosen.filter((offer) => !choice.security_only || securityVersion(offer.pending) !== null);
  for (const offer of targets) {
    const wanted = choice.versions[offer.row.key];
    if (wanted !== undefined && wanted !== offer.policy.candidate) refuseVersion(plan, offer, wanted);
  }
  if (plan.refused.length > 0 || targets.length === 0) return plan;
  plan.targets = targets.map((offer) => target(offer, native));
  const exact = await read(aptCall(root, programs.apt_get, planArguments(plan.targets)));
  if (exact.code !== 0) {
    const failure = explainFailure(exact.stderr + exact.stdout, "apply");
    return refuse(plan, failure.code, targets.map((offer) => offer.row.key), failure.words);
  }
  plan.changes = parseSimulation(exact.stdout);
  checkChanges(plan, new Map(targets.map((offer) => [offer.row.key, offer.policy.candidate])));
  plan.automatic = await automaticOf(root, targets);
  return plan;
}

interface Found {
  rows: InstalledRow[];
  offers: Offer[];
  installable: Set<string>;
}

async function chooseByName(
  root: string | null,
  native: string,
  choice: Choice,
  found: Found,
  plan: Plan,
): Promise<Offer[]> {
  const offers = new Map(found.offers.map((offer) => [offer.row.key, offer]));
  const rows = new Map(found.rows.map((row) => [row.key, row]));
  const chosen: Offer[] = [];
  for (const name of new Set(choice.packages)) {
    const row = rows.get(name);
    const offer = offers.get(name);
    if (!row) refuse(plan, "PKG_NOT_FOUND", [name], "It is not installed on this host.");
    else if (offer && found.installable.has(name)) chosen.push(offer);
    else if (choice.versions[name] === row.version && isConfigured(row)) continue; // already done, by whoever
    else if (!isConfigured(row)) refuse(plan, "PKG_MANAGER_ERROR", [name], `Repair it first: ${stateWords(row)}.`);
    else if (!offer) {
      refuse(plan, "PKG_NOT_FOUND", [name], `No update is on offer any more; installed is ${row.version}.`);
    } else if (isHeld(row)) refuse(plan, "DEPENDENCY_CONFLICT", [name], "It is on hold on this host.");
    else if (offer.pending[0].phased_percent !== null && offer.pending[0].phased_percent < 100) chosen.push(offer);
    else refuse(plan, "DEPENDENCY_CONFLICT", [name], await keptBackReason(root, target(offer, native)));
  }
  return chosen;
}

function refuseVersion(plan: Plan, offer: Offer, wanted: string): void {
  const words = `Approved was ${wanted}, on offer is now ${offer.policy.candidate}. Look at it again and approve it.`;
  refuse(plan, "PKG_NOT_FOUND", [offer.row.key], words);
}

function checkChanges(plan: Plan, approved: Map<string, string>): void {
  for (const change of plan.changes) {
    const words = objection(change, approved);
    if (words !== null) refuse(plan, "DEPENDENCY_CONFLICT", [change.name], words);
  }
}

function objection(change: PackageChange, approved: Map<string, string>): string | null {
  if (change.action === "remove") return "It would be removed.";
  if (change.action === "downgrade") return `It would be downgraded to ${change.to}.`;
  if (change.action === "install") return null;
  const version = approved.get(change.name);
  if (version === undefined) return `It would be updated to ${change.to} too, which nobody approved. Approve both.`;
  return version === change.to ? null : `It would become ${change.to} instead of ${version}.`;
}

function refuse(plan: Plan, code: Plan["error_code"], names: string[], words: string): Plan {
  plan.error_code ??= code;
  const reason = words.slice(0, 2000);
  // A failure without a culprit still has to be visible as one.
  plan.refused.push(...(names.length > 0 ? names : ["dpkg"]).map((name) => ({ name, reason })));
  return plan;
}

/** apt takes whatever is named in `install` for wanted by hand; what was automatic is remembered to be restored. */
async function automaticOf(root: string | null, offers: Offer[]): Promise<string[]> {
  const answer = await read(aptCall(root, programs.apt_mark, ["showauto", ...offers.map((offer) => offer.row.key)]));
  const names = new Set(answer.stdout.split("\n").filter(Boolean));
  return offers.map((offer) => offer.row.key).filter((key) => names.has(key));
}
