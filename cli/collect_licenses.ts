const HEAD = "Linux Patch Manager is licensed under the Apache License 2.0. It contains the following packages.";
const NOTICE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/**
 * The licence notices of every installed package, sorted by name; null when the folder is not there.
 *
 * @param store the folder `node_modules/.deno`
 */
export async function collectLicenses(store: string): Promise<string | null> {
  const packages = new Map<string, string>();
  try {
    for await (const entry of Deno.readDir(store)) {
      const found = entry.isDirectory ? await readPackage(`${store}/${entry.name}/node_modules`, entry.name) : null;
      if (found) packages.set(found.name, found.text);
    }
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
  const names = [...packages.keys()].sort();
  return [HEAD, ...names.map((name) => packages.get(name)!)].join(`\n\n${"-".repeat(78)}\n\n`) + "\n";
}

async function readPackage(folder: string, entry: string): Promise<{ name: string; text: string } | null> {
  const at = entry.lastIndexOf("@");
  // The store writes a scope's slash as +, and what follows _ tells copies of one version apart.
  const name = entry.slice(0, at).replace("+", "/");
  if (at < 1 || name === "") return null;
  const home = `${folder}/${name}`;
  const manifest = JSON.parse(await Deno.readTextFile(`${home}/package.json`));
  const parts = [`${manifest.name} ${manifest.version}: ${licenceOf(manifest)}`];
  for (const file of [...Deno.readDirSync(home)].map((one) => one.name).filter((one) => NOTICE.test(one)).sort()) {
    if ((await Deno.stat(`${home}/${file}`)).isFile) parts.push((await Deno.readTextFile(`${home}/${file}`)).trim());
  }
  return { name: `${manifest.name}@${manifest.version}`, text: parts.join("\n\n") };
}

function licenceOf({ license }: { license?: string | { type?: string } }): string {
  return typeof license === "string" ? license : license?.type ?? "no licence named";
}
