import { dim, green, red, say } from "./words.ts";

/** What has to hold at the end: each check is said, with what was found. */
export class Checks {
  #failed: string[] = [];

  /** Two numbers that have to be the same. */
  same(what: string, one: number, other: number): void {
    this.#say(one === other, what, `${one}, ${other}`);
  }

  holds(what: string, is_true: boolean, found?: string | null): void {
    this.#say(is_true, what, firstWords(found ?? ""));
  }

  #say(is_true: boolean, what: string, found: string): void {
    if (!is_true) this.#failed.push(what);
    say(`  ${is_true ? green("✓") : red("✗")} ${what.padEnd(48)} ${dim(found)}`.trimEnd());
  }

  /** Says how it went. @returns the exit code: 0 everything held, 1 something did not */
  verdict(): number {
    say();
    if (this.#failed.length === 0) return say(green("Everything held.")), 0;
    say(red(`This did not hold: ${this.#failed.join("; ")}.`));
    return 1;
  }
}

function firstWords(text: string): string {
  const line = text.trim().split("\n")[0];
  return line.length <= 72 ? line : `${line.slice(0, 71)}…`;
}
