import type { Signal } from "@preact/signals";

/** Counts clicks; shows that rich props arrive and that signals are shared. */
export default function Counter({ id, count, since }: { id: string; count: Signal<number>; since: Date }) {
  return (
    <button type="button" id={id} onClick={() => count.value++}>
      {count} since {since.toISOString()}
    </button>
  );
}
