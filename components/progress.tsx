import type { Tone } from "./shape.tsx";

/** How far, and in words how long; without `done` it only says that something goes on. */
export function Progress(
  { id, label, done, total, words, tone }: {
    id: string;
    /** What goes on: "Installing packages". */
    label: string;
    done?: number;
    /** 100 unless said otherwise. */
    total?: number;
    /** "3 of 12, about 2 min left" */
    words?: string;
    tone?: Tone;
  },
) {
  return (
    <div class={tone ? `progress tone-${tone}` : "progress"}>
      <div class="progress-words">
        <label for={id}>{label}</label>
        {words && <span class="muted">{words}</span>}
      </div>
      <progress id={id} value={done} max={total ?? 100}>{words}</progress>
    </div>
  );
}

/** Parts of a whole as one bar, with the words beside it: health of a fleet, hosts of a job by state. */
export function PartsBar({ label, parts }: { label: string; parts: { name: string; count: number; tone: Tone }[] }) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let before = 0;
  return (
    <svg
      class="bar"
      viewBox="0 0 1000 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${parts.map(({ name, count }) => `${count.toLocaleString("en")} ${name}`).join(", ")}`}
    >
      {total > 0 && parts.filter(({ count }) => count > 0).map(({ name, count, tone }) => {
        const x = before * 1000 / total;
        before += count;
        return <rect key={name} class={`tone-${tone}`} x={x} y="0" width={count * 1000 / total} height="6" />;
      })}
    </svg>
  );
}
