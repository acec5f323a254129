import type { ProcessFigures, SoakResult } from "./run.ts";
import { seconds } from "./run.ts";

/** The result as lines for people. */
export function soakWords(result: SoakResult): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const process = ({ rss_mib, most_rss_mib, slope_mib_per_hour, cpu_share }: ProcessFigures) =>
    `${rss_mib.toFixed(0)} MiB, at most ${most_rss_mib.toFixed(0)} MiB, ${slope_mib_per_hour.toFixed(1)} MiB/h, ` +
    `${percent(cpu_share)} of a core`;
  const { mean_per_second: mean } = result;
  const rows: [string, string][] = [
    ["enrolled in", seconds(result.enrolled_ms)],
    ["first sweep, catching up after the restart", `${seconds(result.first_sweep_ms)}, ${seconds(result.catch_up_ms)}`],
    ["health polls of steady living hosts", `${result.polls} of ${result.hosts} hosts`],
    ["missed polls", `${result.missed}, of flaky hosts ${result.missed_flaky}`],
    ["not at the interval ± 5 %", `${result.off}`],
    [
      "worst deviation from the interval",
      `${percent(result.worst)}, without stalls of this machine ${percent(result.worst_discounted)}`,
    ],
    ["this machine's processes stalled", seconds(result.stalled_ms)],
    [
      "polls per second",
      `${mean.toFixed(1)} expected, at most ${result.most_per_second} ` +
      `(${(result.most_per_second / mean).toFixed(1)} ×), without stalls ${result.most_undisturbed}`,
    ],
    ["false alarms", `${result.false_alarms.length}`],
    ["dead hosts not noticed", `${result.unnoticed.length}`],
    ["reports with changed contents", `${result.changed_reports}`],
    ["fleet role", process(result.fleet)],
    ["simulated hosts", process(result.simulated)],
    ...Object.entries(result.reasons).map(([words, count]): [string, string] => [`unreachable × ${count}`, words]),
    ...Object.entries(result.complaints).map(([words, count]): [string, string] => [`logged × ${count}`, words]),
    ...[...result.false_alarms, ...result.unnoticed].slice(0, 20).map((words): [string, string] => ["wrong", words]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(44)} ${value}`).join("\n");
}
