import { Button } from "../components/button.tsx";

/** Prints the page. Where no script runs it is not shown: the browser's own menu does it. */
export default function PrintPage() {
  return (
    <span class="copy">
      <Button size="small" icon="file-chart-column" onClick={() => print()}>Print</Button>
    </span>
  );
}
