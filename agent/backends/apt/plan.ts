import type { PackageChange } from "../../../protocol/api.ts";
import type { Choice, Plan } from "../../executor/package_manager.ts";
import { planArguments } from "./arguments.ts";
import { aptCall, programs, read } from "./command.ts";
import { explainFailure } from "./failures.ts";
import { isConfigured, stateWords } from "./installed.ts";
import { explainOffers, isPhased } from "./listing.ts";
import { type Offer, target } from "./offers.ts";
import { securityVersion } from "./policy.ts";
import { parseSimulation } from "./simulation.ts";
import { type Obstacle, readUpdates, unwelcome, type Updates } from "./updates.ts";

/**
 * What an order would do now. Names are only keys into the listing read here, by exact match; nothing of the
 * order's text becomes an argument. Refuses (`refused` not empty) what is not on offer, is held, pinned, excluded or
 * unsigned, another version than the approved one, removals, downgrades, and changes that nobody approved.
 */
export async function makePlan(root: string | null, native: string, choice: Choice): Promise<Plan> {
  const updates = await readUpdates(root, native);
  const plan: Plan = { targets: [], changes: [], automatic: [], refused: [], error_code: null };
  if (updates.failure !== null) {
    const { code, words } = updates.failure;
    return refuse(plan, code, updates.rows.filter((row) => !isConfigured(row)).map((row) => row.key), words);
  }
  const chosen = choice.packages === null
    ? updates.offers.filter(({ row }) => updates.installable.has(row.key) && !updates.obstacles.has(row.key))
    : await chooseByName(root, choice, updates, plan);
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
  await checkChanges(root, plan, updates, targets, choice);
  plan.automatic = await automaticOf(root, targets);
  return plan;
}

async function chooseByName(root: string | null, choice: Choice, updates: Updates, plan: Plan): Promise<Offer[]> {
  const offers = new Map(updates.offers.map((offer) => [offer.row.key, offer]));
  const pinned = new Map(updates.pinned.map((item) => [item.row.key, item]));
  const rows = new Map(updates.rows.map((row) => [row.key, row]));
  const chosen: Offer[] = [];
  const kept: Offer[] = [];
  for (const name of new Set(choice.packages)) {
    const row = rows.get(name);
    const offer = offers.get(name);
    const obstacle = updates.obstacles.get(name);
    const pin = pinned.get(name)?.pin;
    if (!row) refuse(plan, "PKG_NOT_FOUND", [name], "It is not installed on this host.");
    else if (offer && updates.installable.has(name) && !obstacle) chosen.push(offer);
    else if (choice.versions[name] === row.version && isConfigured(row)) continue; // already done, by whoever
    else if (!isConfigured(row)) refuse(plan, "PKG_MANAGER_ERROR", [name], `Repair it first: ${stateWords(row)}.`);
    else if (pin) refuse(plan, "DEPENDENCY_CONFLICT", [name], `It is pinned on this host: ${pin.words}.`);
    else if (!offer) {
      refuse(plan, "PKG_NOT_FOUND", [name], `No update is on offer any more; installed is ${row.version}.`);
    } else if (obstacle) refuse(plan, codeOf(obstacle), [name], obstacle.reason);
    else if (isPhased(offer.pending[0])) chosen.push(offer);
    else kept.push(offer);
  }
  for (const [key, { reason }] of await explainOffers(root, updates, kept)) {
    refuse(plan, "DEPENDENCY_CONFLICT", [key], reason);
  }
  return chosen;
}

function refuseVersion(plan: Plan, offer: Offer, wanted: string): void {
  const words = `Approved was ${wanted}, on offer is now ${offer.policy.candidate}. Look at it again and approve it.`;
  refuse(plan, "PKG_NOT_FOUND", [offer.row.key], words);
}

/** Each change has to be one that was approved; every one that is not is named. */
async function checkChanges(
  root: string | null,
  plan: Plan,
  updates: Updates,
  targets: Offer[],
  choice: Choice,
): Promise<void> {
  const approved = new Map(targets.map((offer) => [offer.row.key, offer.policy.candidate]));
  const fresh = choice.new_packages === null ? null : new Set(choice.new_packages);
  const unwanted = await unwelcome(root, updates, plan.changes);
  for (const change of plan.changes) {
    const obstacle = unwanted.get(change.name);
    const words = obstacle?.reason ?? objection(change, approved, fresh);
    if (words === null) continue;
    refuse(plan, obstacle ? codeOf(obstacle) : "DEPENDENCY_CONFLICT", [change.name], words);
  }
}

/** `blocked` is said of one package only when its source is not signed. */
function codeOf(obstacle: Obstacle): "GPG_ERROR" | "DEPENDENCY_CONFLICT" {
  return obstacle.state === "blocked" ? "GPG_ERROR" : "DEPENDENCY_CONFLICT";
}

function objection(change: PackageChange, approved: Map<string, string>, fresh: Set<string> | null): string | null {
  if (change.action === "remove") return "It would be removed.";
  if (change.action === "downgrade") return `It would be downgraded to ${change.to}.`;
  if (change.action === "install") {
    if (fresh === null || fresh.has(change.name)) return null;
    return `The updates would bring ${change.name} ${change.to} along, which nobody approved. Approve it too.`;
  }
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
