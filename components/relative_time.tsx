import { ageText, exactText, relativeText } from "./time_text.ts";

/**
 * A time as people say it, exact in the title. The server gives `now`, so both sides render the same words; an
 * island passes a newer one (see `useNow`).
 */
export function RelativeTime(
  { at, now, zone, form = "relative", focusable }: {
    /** RFC 3339. */
    at: string;
    /** RFC 3339, the present. */
    now: string;
    /** IANA zone of the viewer; UTC when missing. */
    zone?: string;
    /** relative: "4 min ago". age: "4 min". */
    form?: "relative" | "age";
    /** Lets the keyboard reach it and shows the exact time then; not in tables, where it would be a stop per row. */
    focusable?: boolean;
  },
) {
  const exact = exactText(at, zone);
  return (
    <time
      class="time"
      dateTime={at}
      title={exact}
      data-relative={form}
      data-exact={focusable ? exact : undefined}
      tabIndex={focusable ? 0 : undefined}
    >
      {form === "age" ? ageText(at, now) : relativeText(at, now)}
    </time>
  );
}
