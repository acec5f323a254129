/** A secret of a test that stands in a log of the run. */
export interface Leak {
  /** The line without the secret, cut to what a person reads. */
  line: string;
}

/**
 * Holds every secret that the tests handed out against every log that they kept, whoever wrote it: see
 * testing/planted_secrets.ts.
 *
 * @param folder of the run, with files `kept-*.secrets` and `kept-*.logs`
 */
export async function leakedSecrets(folder: string): Promise<{ leaks: Leak[]; secrets: number; lines: number }> {
  const secrets = new Set<string>();
  const lines: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const kept = /^kept-.*\.(secrets|logs)$/.exec(name)?.[1];
    if (!kept) continue;
    const found = (await Deno.readTextFile(`${folder}/${name}`)).split("\n").filter((line) => line !== "");
    if (kept === "secrets") { for (const secret of found) secrets.add(secret); }
    else for (const line of found) lines.push(line);
  }
  // Passphrases are few; tokens are many, and always one of a line's words.
  const phrases = [...secrets].filter((secret) => !/^[A-Za-z0-9_.~+/=-]+$/.test(secret));
  const leaks: Leak[] = [];
  for (const line of lines) {
    const words = line.match(/[A-Za-z0-9_.~+/=-]{12,}/g) ?? [];
    const secret = words.flatMap((word) => [word, ...parts(word)]).find((word) => secrets.has(word)) ??
      phrases.find((phrase) => line.includes(phrase));
    if (secret !== undefined) leaks.push({ line: line.replaceAll(secret, "[SECRET]").slice(0, 400) });
  }
  return { leaks, secrets: secrets.size, lines: lines.length };
}

/** A word may be `name=SECRET`, `path/SECRET` or a token with its prefix. */
function* parts(word: string): Generator<string> {
  for (const separator of ["=", "/", ".", "lpm_"]) yield* word.split(separator);
}
