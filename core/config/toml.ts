import { type AST, getStaticTOMLValue, parseTOML } from "toml-eslint-parser";

/** One value of the file and where it stands. */
export interface Entry {
  /** `section.name`, or only a name when it stands before the first section. */
  key: string;
  value: unknown;
  /** From 1. */
  line: number;
  /** Lines of the elements when the value is a list. */
  elements: number[];
}

/** What a TOML text holds: its values, the sections it opens (with their lines), and why it cannot be read. */
export interface TomlFile {
  entries: Entry[];
  sections: { name: string; line: number }[];
  /** Set when the text is no TOML: then the rest is empty. */
  broken: { line: number; problem: string } | null;
}

/** The largest file that is read: a configuration is a few KiB. */
export const MAX_BYTES = 256 * 1024;

/** Reads TOML and keeps the line of every value. Never throws. */
export function readToml(text: string): TomlFile {
  const file: TomlFile = { entries: [], sections: [], broken: null };
  let tree: AST.TOMLProgram;
  try {
    tree = parseTOML(text, { tomlVersion: "1.0" });
  } catch (thrown) {
    const { lineNumber, message } = thrown as { lineNumber?: number; message: string };
    return { ...file, broken: { line: lineNumber ?? 1, problem: message } };
  }
  for (const node of tree.body[0].body) {
    if (node.type === "TOMLKeyValue") {
      addPair(file, node, []);
      continue;
    }
    const name = node.resolvedKey.join(".");
    file.sections.push({ name, line: node.loc.start.line });
    for (const pair of node.body) addPair(file, pair, node.resolvedKey.map(String));
  }
  return file;
}

function addPair(file: TomlFile, pair: AST.TOMLKeyValue, prefix: string[]): void {
  const names = [...prefix, ...pair.key.keys.map((part) => part.type === "TOMLBare" ? part.name : part.value)];
  const { value } = pair;
  if (value.type === "TOMLInlineTable") {
    if (value.body.length === 0) file.sections.push({ name: names.join("."), line: pair.loc.start.line });
    for (const inner of value.body) addPair(file, inner, names);
    return;
  }
  file.entries.push({
    key: names.join("."),
    value: getStaticTOMLValue(value),
    line: pair.loc.start.line,
    elements: value.type === "TOMLArray" ? value.elements.map((element) => element.loc.start.line) : [],
  });
}
