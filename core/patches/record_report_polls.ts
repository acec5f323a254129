import type { Clock } from "../clock.ts";
import { type Sql, transaction } from "../database/connection.ts";
import { type EndedPoll, finishPolls } from "../hosts/finish_poll.ts";
import { compareReport, landReport, type PreparedReport, tellReport } from "./record_report.ts";
import { type AcceptedReport, acceptReports, lockReports } from "./store.ts";

/** A patch poll that brought a report. */
export interface EndedReportPoll extends EndedPoll {
  report: PreparedReport;
}

/**
 * Lands those reports of several hosts, each host once, that say nothing new, in one transaction, with the ends of their
 * polls: nearly all of a fleet's at any time.
 *
 * @returns those with something new, those at whose host somebody else is writing, and removed ones: to be landed alone
 */
export function recordUnchangedReports(sql: Sql, ended: EndedReportPoll[], clock: Clock): Promise<EndedReportPoll[]> {
  return transaction(sql, async (tx) => {
    const known = await lockReports(tx, ended.map(({ poll }) => poll.host_id), { free_only: true });
    const rows: AcceptedReport[] = [];
    const left: EndedReportPoll[] = [];
    const landed: EndedReportPoll[] = [];
    for (const one of ended) {
      const { host_id } = one.poll;
      const before = known.get(host_id);
      const compared = before && compareReport(before, one.report);
      if (!compared || compared.patches_changed || compared.packages_changed) {
        left.push(one);
        continue;
      }
      landed.push(one);
      rows.push({ ...one.report.accepted, host_id, content_hash: compared.content_hash });
      await tellReport(tx, host_id, one.report, false);
    }
    if (landed.length > 0) await Promise.all([acceptReports(tx, rows), finishPolls(tx, landed, clock)]);
    return left;
  });
}

/**
 * Lands one report, whatever it says, with the end of its poll.
 * @throws RefusedReport when the host may name nothing new now; then nothing was written
 */
export async function recordReportPoll(sql: Sql, ended: EndedReportPoll, clock: Clock): Promise<void> {
  await landReport(sql, ended.poll.host_id, ended.report, (tx) => finishPolls(tx, [ended], clock));
}
