const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * How long ago or ahead, in the words of the console: "just now", "4 min ago", "in 2 h", "3 days ago".
 * @param at RFC 3339
 * @param now RFC 3339, the present as the server saw it
 */
export function relativeText(at: string, now: string): string {
  const difference = Date.parse(now) - Date.parse(at);
  if (Math.abs(difference) < 10 * SECOND) return "just now";
  const span = spanText(Math.abs(difference));
  return difference > 0 ? `${span} ago` : `in ${span}`;
}

/** The age alone, for sentences that say the rest: "index 4 min old". */
export function ageText(at: string, now: string): string {
  return spanText(Math.max(0, Date.parse(now) - Date.parse(at)));
}

/** A span in its largest fitting unit, rounded down: what is said is never older than what is. */
export function spanText(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  const days = Math.floor(ms / DAY);
  return days === 1 ? "1 day" : `${days.toLocaleString("en")} days`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Date and time to the second with the zone named: "21 Nov 2026, 09:05:12 CET".
 * @param zone IANA name; an unknown one falls back to UTC, because a page must not fail over a setting
 */
export function exactText(at: string, zone = "UTC"): string {
  let format = formats.get(zone);
  if (!format) {
    format = makeFormat(zone);
    formats.set(zone, format);
  }
  return format.format(Date.parse(at));
}

function makeFormat(timeZone: string): Intl.DateTimeFormat {
  const make = (timeZone: string) =>
    new Intl.DateTimeFormat("en-GB", {
      timeZone,
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "short",
    });
  try {
    return make(timeZone);
  } catch {
    return make("UTC");
  }
}
