/** One version of one package. */
export interface Offered {
  name: string;
  version: string;
}

/** Name and version: what a tick means, and what the form sends. */
export const offerOf = ({ name, version }: Offered): string => `${name} ${version}`;

/**
 * What is ticked when the review opens.
 *
 * @param chosen what was chosen before: names, or offers; null for everything. Where the version that was chosen is no
 *   longer on offer, all that is on offer of its name is ticked: the person sees the new one, and decides.
 */
export function firstTicks(offered: Offered[], chosen: string[] | null): Set<string> {
  if (chosen === null) return new Set(offered.map(offerOf));
  const before = new Set(chosen);
  const names = new Set(chosen.map((words) => words.split(" ")[0]));
  const still = new Set(offered.filter((one) => before.has(offerOf(one))).map(({ name }) => name));
  return new Set(
    offered.filter((one) => before.has(offerOf(one)) || names.has(one.name) && !still.has(one.name)).map(offerOf),
  );
}

/** Offers of names that come in more than one version: of those alone one can be left out and another taken. */
export function severalVersions(offered: Offered[]): string[] {
  const versions = Map.groupBy(new Set(offered.map(offerOf)), (offer) => offer.split(" ")[0]);
  return [...versions.values()].filter((offers) => offers.length > 1).flat();
}
