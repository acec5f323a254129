import type { Violation } from "./source.ts";

const SNAKE = /^[a-z0-9]+(?:_[a-z0-9]+)*$/;
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const FORBIDDEN = /(?:^|[_-])(?:utils?|common|helpers?|misc|stuff)(?:[_-]|$)/;

/** Names that break the house's rules. Looks at TypeScript, SQL, CSS and the folders that they lie in. */
export function checkNames(path: string): Violation[] {
  if (!/\.(tsx?|sql|css)$/.test(path)) return [];
  // A tree of routes that a test reads follows the rules of routes.
  const parts = path.replace(/^.*\/testdata\/(?=routes\/)/, "").split("/");
  const found: Violation[] = [];
  const add = (rule: string, advice: string) => found.push({ path, line: 1, rule, advice });
  const forbidden = parts.map(stem).find((part) => FORBIDDEN.test(part));
  if (forbidden) add("name", `"${forbidden}" says nothing: name it after what it does, or the noun it belongs to`);
  const bad = parts.find((part, i) => !fits(part, i, parts));
  if (bad) {
    add("name", parts[0] === "routes" ? `"${bad}" is no URL segment in kebab-case` : `"${bad}" is not snake_case`);
  }
  return found;
}

function stem(part: string): string {
  return part.replace(/(\.d)?\.[a-z]+$/, "");
}

function fits(part: string, at: number, parts: readonly string[]): boolean {
  const last = at === parts.length - 1;
  const name = last ? stem(part) : part;
  const above = parts.slice(0, at);
  if (parts[0] !== "routes" || at === 0 || above.some((folder) => folder.startsWith("(_"))) {
    // Parts of one branch: islands/(_live)/ as well as routes/(_live)/.
    return SNAKE.test(parts[0] === "islands" && !last ? name.replace(/^\(_([a-z_]+)\)$/, "$1") : name);
  }
  // Fresh's conventions: _app, (_components), [id], [[optional]], [...rest]; client.crt is a segment with a dot.
  const bare = name.replace(/_test$/, "").replace(/^\[\[?(?:\.\.\.)?([a-z_]+)\]\]?$/, "$1").replace(
    /^\((_?[a-z]+)\)$/,
    "$1",
  );
  const special = /^_[a-z]+(?:_[a-z]+)*$/.test(bare) || (name.startsWith("[") && SNAKE.test(bare));
  return special || bare.split(".").every((piece) => KEBAB.test(piece));
}
