import { SectionHead } from "../../../components/page_head.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import type { Dashboard } from "../../../core/views/dashboard.ts";
import type { HostSelection } from "../../../core/views/host_selection.ts";
import type { Wire } from "../../../core/wire.ts";
import { selectionHref } from "../(_components)/selection_words.tsx";
import { Chart, type ChartPart } from "./chart.tsx";

/** Pending updates by kind, by severity and by the age of each host's oldest security update. */
export function Updates(
  { data: { fleet, hosts }, now }: { data: Pick<Wire<Dashboard>, "fleet" | "hosts">; now: string },
) {
  const { selections, updates_security_unknown: not_said } = hosts;
  const of = (name: string, only: HostSelection, tone: ChartPart["tone"], count = selections[only]): ChartPart => ({
    name,
    count,
    hosts: selections[only],
    tone,
    href: selectionHref(only),
  });
  const { pending, security, critical, high, medium, low, unknown, oldest_security_at } = fleet;
  return (
    <section class="stack">
      <SectionHead
        id="updates"
        title="Pending updates"
        note={oldest_security_at && (
          <>
            the oldest security update has been waiting for{" "}
            <RelativeTime at={oldest_security_at} now={now} form="age" />
          </>
        )}
      />
      <div class="charts">
        <Chart
          id="updates-kind"
          title="By kind"
          unit="update"
          table
          none="No update is pending."
          parts={[
            {
              name: "security",
              count: security,
              hosts: fleet.hosts_with_security,
              tone: "warn",
              href: "/hosts?status=security",
            },
            of("other", "other_updates", "info", pending - security - not_said),
            of("not known which", "security_unknown", "none", not_said),
          ]}
        />
        <Chart
          id="updates-severity"
          title="By severity"
          unit="update"
          table
          none="No update is pending."
          parts={[
            of("critical", "severity_critical", "bad", critical),
            of("high", "severity_high", "warn", high),
            of("medium", "severity_medium", "info", medium),
            of("low", "severity_low", "off", low),
            of("without a rating", "severity_unknown", "none", unknown),
          ]}
        />
        <Chart
          id="updates-age"
          title="Hosts by their oldest security update"
          unit="host"
          table
          none="No security update is pending."
          parts={[
            of("under 7 days", "security_under_7_days", "off"),
            of("7 to 30 days", "security_7_to_30_days", "info"),
            of("30 to 90 days", "security_30_to_90_days", "warn"),
            of("over 90 days", "security_over_90_days", "bad"),
          ]}
        />
      </div>
    </section>
  );
}
