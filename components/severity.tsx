import { Badge } from "./badge.tsx";
import type { Tone } from "./shape.tsx";

export type SeverityName = "critical" | "high" | "medium" | "low" | "unknown";

const STEPS: Record<SeverityName, { on: number; tone: Tone; word: string }> = {
  critical: { on: 4, tone: "bad", word: "Critical" },
  high: { on: 3, tone: "warn", word: "High" },
  medium: { on: 2, tone: "info", word: "Medium" },
  low: { on: 1, tone: "off", word: "Low" },
  unknown: { on: 0, tone: "off", word: "Unknown" },
};

/** Severity as a labelled bar of four steps; `count` says how many there are of it. */
export function Severity({ severity, count }: { severity: SeverityName; count?: number }) {
  const { on, word, ...look } = STEPS[severity];
  // None of them is no reason for alarm.
  const tone = count === 0 ? "off" : look.tone;
  return (
    <span class={`status severity tone-${tone}`}>
      <svg viewBox="0 0 15 12" aria-hidden="true" focusable="false">
        {[1, 2, 3, 4].map((step) => (
          <rect
            key={step}
            class={step <= on ? "severity-step-on" : "severity-step"}
            x={(step - 1) * 4}
            y={9 - step * 2}
            width="3"
            height={3 + step * 2}
            rx="0.8"
          />
        ))}
      </svg>
      <span class="status-word">
        {count === undefined ? word : `${count.toLocaleString("en")} ${word.toLowerCase()}`}
      </span>
    </span>
  );
}

/** What an update means for security: its severity, that it is one whose severity nobody said, or that it is none. */
export function SecurityMark(
  { security, severity, known = true, source }: {
    security: boolean;
    severity: SeverityName;
    /** False where the agent does not say whether it is one. */
    known?: boolean;
    /** Who said the severity: `unverified` is an agent's guess from the name. */
    source?: string;
  },
) {
  if (!known) return <span class="muted">not known</span>;
  if (!security) return <span class="muted">–</span>;
  if (severity === "unknown") return <Badge tone="warn">security</Badge>;
  if (source === "unverified") return <Badge tone="mark">{`${severity}, unverified`}</Badge>;
  return <Severity severity={severity} />;
}
