/** What the demo tells the person at the terminal. Plain where there is no terminal. */
const colours = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
const paint = (code: number) => (text: string) => colours ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = paint(1);
export const dim = paint(2);
export const green = paint(32);
export const red = paint(31);
export const yellow = paint(33);

export function say(text = ""): void {
  console.log(text);
}

let silent = false;

/** From now on steps say nothing: they fail because everything is being stopped. */
export function endSteps(): void {
  silent = true;
}

/** Does something that takes a while, and says how long it took. */
export async function step<T>(words: string, work: () => Promise<T>, done?: (result: T) => string): Promise<T> {
  const started = performance.now();
  try {
    const result = await work();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (!silent) say(`${green("✓")} ${done ? done(result) : words} ${dim(`${seconds} s`)}`);
    return result;
  } catch (thrown) {
    if (!silent) say(`${red("✗")} ${words}`);
    throw thrown;
  }
}

/** A table with a head, columns as wide as their widest cell. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)));
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd();
  return [bold(line(head)), ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}
