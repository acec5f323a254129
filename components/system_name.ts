/** Long names of systems, and what everybody calls them. */
const SHORT: readonly (readonly [RegExp, string])[] = [
  [/ GNU\/Linux$/, ""],
  [/^Red Hat Enterprise Linux( Server)?$/, "RHEL"],
  [/^SUSE Linux Enterprise Server$/, "SLES"],
];

/** A system in a table: "Debian 12" of "Debian GNU/Linux" and "12". Empty when the host never said. */
export function systemName(name: string | null, version: string | null): string {
  const short = SHORT.reduce((text, [long, instead]) => text.replace(long, instead), name ?? "");
  return short && `${short} ${version ?? ""}`.trim();
}
