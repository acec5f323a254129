import type { Context } from "../audit/types.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import { hostsOf } from "./create_job.ts";
import { type CreatedJob, type JobViewer, placeJob, refuseAuditor } from "./place_job.ts";
import { installableOffers, type Offer, orderOfJob, unfinishedOrders, visibleAmong } from "./store.ts";

/**
 * Orders again what failed or was missed, as a new job with the same settings: on the hosts that the viewer may know
 * of, only packages that did not arrive, only where the same version is still on offer. Hosts that ended as unknown
 * are never part of it: they must be read by a person first.
 * @throws AppError forbidden (auditor), job_not_found (also out of scope), conflict while the job is open or when it
 *   is neither a deployment nor a dry run,
 *   nothing_to_do when nothing failed or everything is offered in another version by now.
 */
export async function retryFailed(
  sql: Sql,
  viewer: JobViewer,
  job_id: string,
  context: Context,
): Promise<CreatedJob> {
  refuseAuditor(viewer);
  return await transaction(sql, async (tx) => {
    const order = await orderOfJob(tx, viewer.sees, job_id);
    if (!order) throw new AppError("job_not_found");
    if (order.kind !== "apply" && order.kind !== "dry_run") {
      throw new AppError("conflict", {
        message: "Only deployments and dry runs are ordered again as a whole.",
        hint: "Order it again on the page of the host.",
      });
    }
    if (!order.ended) {
      throw new AppError("conflict", { message: "The job is still running.", hint: "Wait for its end, or cancel it." });
    }
    const { kind } = order;
    const unfinished = await unfinishedOrders(tx, viewer.sees, job_id);
    const host_ids = [...new Set(unfinished.map((one) => one.host_id))];
    // A host that left the viewer's scope, or was removed, between the two reads is left out.
    const visible = await visibleAmong(tx, viewer.sees, host_ids);
    const on_offer = new Map<string, Offer>();
    for (const offer of await installableOffers(tx, [...visible], null, false)) on_offer.set(offerKey(offer), offer);
    const offers = unfinished.flatMap((one) => on_offer.get(offerKey(one)) ?? []);
    if (offers.length === 0) {
      throw new AppError("nothing_to_do", {
        message: host_ids.length === 0
          ? "No host of this job failed or was missed."
          : "What failed is not on offer any more in the version that was ordered.",
        hint: "Look at what the hosts need now, and deploy that.",
      });
    }
    const { reason, security_only, reboot, reboot_delay_seconds } = order;
    const hosts = hostsOf(kind, offers);
    const working = new Set(hosts.map((host) => host.host_id));
    return await placeJob(tx, viewer, {
      ...{ kind, reason, security_only, reboot, reboot_delay_seconds, hosts },
      patches: offers.map((offer) => ({ ...offer, action: "upgrade" as const })),
      left_out: host_ids.filter((id) => !working.has(id)),
      idempotency: null,
      original_job_id: null,
      details: { retry_of: job_id },
    }, context);
  });
}

function offerKey(offer: Omit<Offer, "new_dependencies">): string {
  return [offer.host_id, offer.name, offer.arch, offer.to_version].join(" ");
}
