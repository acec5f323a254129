import type { ComponentChildren } from "preact";
import { RelativeTime } from "./relative_time.tsx";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes in binary units with at most three digits: "340 B", "1.2 MiB", "64 MiB". */
export function bytesText(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.95 would be written as 1024, so the step up happens where rounding would reach it.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${bytes < 0 ? "−" : ""}${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A size; the exact number is in the title. */
export function Bytes({ bytes }: { bytes: number }) {
  return (
    <span class="number" title={`${bytes.toLocaleString("en")} bytes`}>
      {bytesText(bytes)}
    </span>
  );
}

/** "1 host", "2,431 hosts". */
export function countText(count: number, one: string, many = one + "s"): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Pending updates with how many matter and how old the knowledge is: "41 updates, 12 security, index 4 min old". */
export function Count(
  { updates, security, indexAt, now, zone }: {
    updates: number;
    security: number;
    /** RFC 3339 of the package index, or null when the host has not said. */
    indexAt: string | null;
    now: string;
    zone?: string;
  },
) {
  return (
    <span class="count number">
      {updates === 0 ? "Up to date" : <strong>{countText(updates, "update")}</strong>}
      {security > 0 && (
        <>
          , <span class="count-security">{security.toLocaleString("en")} security</span>
        </>
      )}
      <span class="muted">
        , {indexAt === null ? "index age unknown" : (
          <>
            index <RelativeTime at={indexAt} now={now} zone={zone} form="age" /> old
          </>
        )}
      </span>
    </span>
  );
}

/** A version, id, path or command. */
export function Code({ children }: { children: ComponentChildren }) {
  return <code class="mono">{children}</code>;
}
