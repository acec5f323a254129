import type { LoadedConfig } from "./load_config.ts";
import { allKeys, type Key, sections } from "./types.ts";

/** What stands in the place of a secret. */
export const HIDDEN = "•••";

/** The whole example file: every key with its reason, what is expected and its default, commented out. */
export function exampleConfig(): string {
  const lines = [
    "# Configuration of Linux Patch Manager: /etc/patch-manager/config.toml (0640, root and the service's group).",
    "#",
    "# Every line that is commented out shows the default, or a sample where there is none. Each key can be given",
    "# as a variable too: PATCH_MANAGER__SECTION__KEY, lists separated by commas; DATABASE_URL stands for",
    "# database.url. Unknown keys are refused. What may change while the program runs (intervals, limits, mail)",
    "# is set in the web interface and kept in the database.",
    "#",
    "# Made by `patch-manager config example`; check yours with `patch-manager config check`.",
  ];
  for (const [section, { reason, keys }] of Object.entries(sections)) {
    lines.push("", ...comment(reason), `[${section}]`);
    for (const [name, key] of Object.entries(keys as Record<string, Key>)) lines.push("", ...keyLines(name, key));
  }
  return lines.join("\n") + "\n";
}

function keyLines(name: string, key: Key): string[] {
  const unset = key.fallback === null;
  const lines = [...comment(key.reason), `# Expected: ${key.expected}.${unset ? " Not set by default." : ""}`];
  if (key.secret) {
    lines.push(`# It is a secret: better \`${name}_file\` (a path), or a systemd credential with the key's full name.`);
  }
  return [...lines, `# ${name} = ${tomlValue(unset ? key.sample : key.fallback)}`];
}

function comment(text: string): string[] {
  return text.split("\n").map((line) => `# ${line}`);
}

/** A value as TOML. JSON's strings, numbers and lists are TOML too, but for DEL, which must be escaped. */
export function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}

/** The configuration in force as TOML, each value with where it came from; secrets are never shown. */
export function showConfig({ config, origins, file }: LoadedConfig): string {
  const lines = [`# ${file === null ? "No file; defaults and environment." : file}`];
  let open = "";
  for (const { section, name, key } of allKeys()) {
    if (section !== open) lines.push("", `[${section}]`);
    open = section;
    const value = (config as unknown as Record<string, Record<string, unknown>>)[section][name];
    const shown = value === null ? null : tomlValue(key.secret ? HIDDEN : value);
    const origin = origins[`${section}.${name}`];
    lines.push(
      shown === null ? `# ${name} is not set` : `${name} = ${shown}${origin === "default" ? "" : `  # ${origin}`}`,
    );
  }
  return lines.join("\n") + "\n";
}
