import type { ComponentChildren } from "preact";
import { RelativeTime } from "./relative_time.tsx";
import { Shape, type ShapeName, type Tone } from "./shape.tsx";

export interface TimelineEntry {
  id: string;
  /** RFC 3339. */
  at: string;
  what: ComponentChildren;
  note?: ComponentChildren;
  tone?: Tone;
  shape?: ShapeName;
}

/** What happened, newest first as given. */
export function Timeline(
  { label, entries, now, zone }: { label: string; entries: TimelineEntry[]; now: string; zone?: string },
) {
  return (
    <ol class="timeline" aria-label={label}>
      {entries.map(({ id, at, what, note, tone = "off", shape = "ring" }) => (
        <li key={id} class={`tone-${tone}`}>
          <Shape name={shape} />
          <span class="timeline-what">{what}</span>
          <RelativeTime at={at} now={now} zone={zone} />
          {note && <span class="timeline-note">{note}</span>}
        </li>
      ))}
    </ol>
  );
}
