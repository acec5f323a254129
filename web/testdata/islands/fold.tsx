import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { navigate } from "../../island.ts";

/** Hides children that the server rendered; goes elsewhere on demand. */
export default function Fold({ label, children }: { label: string; children?: ComponentChildren }) {
  const open = useSignal(true);
  return (
    <div>
      <button type="button" id="fold" aria-expanded={open.value} onClick={() => open.value = !open.value}>
        {label}
      </button>
      <button type="button" id="go" onClick={() => void navigate("/hosts/9")}>Go</button>
      <div id="folded" hidden={!open.value}>{children}</div>
    </div>
  );
}
