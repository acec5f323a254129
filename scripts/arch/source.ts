/** One import or re-export of a module. */
export interface Import {
  specifier: string;
  /** From 1. */
  line: number;
  /** `import type`, `export type`: nothing of it is left at run time. */
  type_only: boolean;
  /** Path from the project's root when the specifier is relative, else null. */
  target: string | null;
}

/** A file of the project and what the rules look at. */
export interface Source {
  /** From the project's root, with `/`. */
  path: string;
  text: string;
  /** The text with comments and the insides of strings blanked; same length, same lines. */
  code: string;
  /** The insides of strings and templates alone, all else blanked; same length, same lines. */
  strings: string;
  imports: Import[];
}

/** A rule that a file breaks, as one line for people: where, which rule, what to do. */
export interface Violation {
  path: string;
  line: number;
  rule: string;
  advice: string;
}

/** Reads a file into what the rules need. Files that are not TypeScript have neither code nor imports. */
export function readSource(path: string, text: string): Source {
  if (!/\.tsx?$/.test(path)) return { path, text, code: "", strings: "", imports: [] };
  const { code, strings } = separate(text);
  return { path, text, code, strings, imports: importsOf(path, text, code) };
}

/** The line, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** All matches of a pattern with their lines. */
export function linesOf(text: string, pattern: RegExp): { line: number; match: RegExpMatchArray }[] {
  return [...text.matchAll(pattern)].map((match) => ({ line: lineAt(text, match.index), match }));
}

const STATIC = /(?:^|[\n;])[ \t]*(import|export)\b([ \t]+type\b(?![ \t]*(?:,|from\b)))?([^"'`;=()]*?)["']/g;
const DYNAMIC = /\bimport\([ \t\n]*["']/g;

function importsOf(path: string, text: string, code: string): Import[] {
  const found: Import[] = [];
  const add = (end: number, type_only: boolean) => {
    // The insides are blanked in `code`, so its next quote closes the specifier.
    const specifier = text.slice(end, code.indexOf(text[end - 1], end));
    found.push({ specifier, line: lineAt(text, end), type_only, target: resolve(path, specifier) });
  };
  for (const match of code.matchAll(STATIC)) {
    const clause = match[3].trim();
    if (match[1] === "export" && !/\bfrom$/.test(clause)) continue;
    if (clause !== "" && !/\bfrom$/.test(clause)) continue;
    const inner = /^\{([^}]*)\}[ \t\n]*from$/.exec(clause)?.[1].split(",").map((one) => one.trim()).filter(Boolean);
    const types = inner !== undefined && inner.length > 0 && inner.every((one) => one.startsWith("type "));
    add(match.index + match[0].length, match[2] !== undefined || types);
  }
  for (const match of code.matchAll(DYNAMIC)) add(match.index + match[0].length, false);
  return found;
}

function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+\n]|\breturn|=>)\s*$/;

/**
 * Tells code from comments and strings, by one pass over the characters. A quote in JSX text ends with its line, as
 * a string would.
 */
function separate(text: string): { code: string; strings: string } {
  const code = text.split("");
  const strings = text.split("");
  const blank = (where: string[], at: number) => {
    if (where[at] !== "\n") where[at] = " ";
  };
  /** One entry per open `${`: how many braces are open inside it. */
  const templates: number[] = [];
  let i = 0;
  const both = (end: number) => {
    for (; i < end; i++) (blank(code, i), blank(strings, i));
  };
  const literal = (quote: string) => {
    blank(strings, i++);
    for (; i < text.length && text[i] !== quote; i++) {
      if (quote === "`" && text.startsWith("${", i)) {
        templates.push(0);
        blank(strings, i++);
        blank(strings, i++);
        return;
      }
      if (quote !== "`" && text[i] === "\n") return;
      blank(code, i);
      if (text[i] === "\\") blank(code, ++i);
    }
    if (i < text.length) blank(strings, i++);
  };
  while (i < text.length) {
    const two = text.slice(i, i + 2);
    const one = text[i];
    if (two === "//") both(ends(text.indexOf("\n", i), text.length));
    else if (two === "/*") both(ends(text.indexOf("*/", i + 2), text.length - 2) + 2);
    else if (one === '"' || one === "'" || one === "`") literal(one);
    else if (one === "}" && templates.at(-1) === 0) {
      templates.pop();
      // The rest of the template goes on as if a backtick had just been read.
      literal("`");
    } else if (one === "/" && BEFORE_REGEX.test(text.slice(Math.max(0, i - 40), i))) {
      const end = /^\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/.exec(text.slice(i, i + 2000));
      both(i + (end ? end[0].length : 1));
    } else {
      if (templates.length > 0 && one === "{") templates[templates.length - 1]++;
      if (templates.length > 0 && one === "}") templates[templates.length - 1]--;
      blank(strings, i++);
    }
  }
  return { code: code.join(""), strings: strings.join("") };
}

function ends(found: number, otherwise: number): number {
  return found === -1 ? otherwise : found;
}
