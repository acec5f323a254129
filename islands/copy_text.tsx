import { useState } from "preact/hooks";
import { Button } from "../components/button.tsx";

interface Props {
  /** What is copied, as it stands on the page too. */
  text: string;
  /** What it is, in a sentence: "the command". */
  what: string;
}

type Outcome = "copied" | "refused" | null;

/** Puts a text of the page into the clipboard and says so. Where no script runs it is not shown. */
export default function CopyText({ text, what }: Props) {
  const [outcome, setOutcome] = useState<Outcome>(null);
  const copy = async () => {
    setOutcome(null);
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      // A person or a policy can forbid it, and a page on its way to the background may not.
      setOutcome("refused");
    }
  };
  return (
    <span class="copy">
      <Button size="small" icon={outcome === "copied" ? "check" : "copy"} onClick={copy}>Copy {what}</Button>
      <span class={outcome === "refused" ? "tone-warn-text" : "muted"} role="status">
        {outcome === "copied" && "Copied."}
        {outcome === "refused" && `The browser did not allow it: click ${what} and press Ctrl+C.`}
      </span>
    </span>
  );
}
