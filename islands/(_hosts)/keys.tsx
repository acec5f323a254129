import { Dialog } from "../../components/dialog.tsx";

/** Keys of the list, as the dialog tells them. */
const KEYS: [string, string][] = [
  ["/", "search all hosts, from any page"],
  ["f", "go to the filters of this list"],
  ["↓ or j, ↑ or k", "next row, row before"],
  ["Page Down, Page Up, Home, End", "further"],
  ["Enter", "open the host"],
  ["Space or x", "choose the row, or let go of it"],
  ["Shift + Space, Shift + ↓ or ↑", "choose all rows from the last chosen one"],
  ["Ctrl + a", "choose all hosts that the filters show"],
  ["Esc", "let go of all"],
  ["?", "this list"],
];

export const KEYS_DIALOG = "hosts-keys";

/** What the keyboard can do here. */
export function KeysDialog() {
  return (
    <Dialog id={KEYS_DIALOG} title="Keys of this list">
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="meta">Tab goes through every box and link as usual.</p>
    </Dialog>
  );
}

/** What a key means on a row: where to go, or what to do. Null for keys that are none of ours. */
export type Move = { to: number; range: boolean } | "choose" | "range" | "all" | "clear" | "filter" | "help";

/**
 * @param at row that has the focus, -1 for none
 * @param page rows that fit into the window
 */
export function moveOf(event: KeyboardEvent, at: number, total: number, page: number): Move | null {
  const { key, shiftKey: range } = event;
  if (event.altKey || event.isComposing) return null;
  if (event.ctrlKey || event.metaKey) return key === "a" && at >= 0 ? "all" : null;
  const to = (place: number): Move => ({ to: Math.max(0, Math.min(total - 1, place)), range });
  switch (key) {
    case "ArrowDown":
    case "j":
    case "J":
      return to(at + 1);
    case "ArrowUp":
    case "k":
    case "K":
      return to(at === -1 ? 0 : at - 1);
    case "PageDown":
      return to(Math.max(at, 0) + page);
    case "PageUp":
      return to(Math.max(at, 0) - page);
    case "Home":
      return to(0);
    case "End":
      return to(total - 1);
    case " ":
      return at === -1 ? null : range ? "range" : "choose";
    case "x":
      return at === -1 ? null : "choose";
    case "X":
      return at === -1 ? null : "range";
    case "Escape":
      return "clear";
    case "f":
      return "filter";
    case "?":
      return "help";
    default:
      return null;
  }
}
