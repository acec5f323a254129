import { type Clock, epochMs } from "../../../core/clock.ts";
import { catalogue, type CataloguePackage, makeRelease, type Update } from "./catalogue.ts";
import type { Distribution } from "./distributions.ts";
import { roles } from "./package_names.ts";
import { fraction, hash } from "./random.ts";

/** Updates that came out since the fleet began, by name of the package, oldest first. */
export type Released = ReadonlyMap<string, readonly Update[]>;

/** Nothing came out. */
export const nothing_released: Released = new Map();

interface History {
  /** Number of the next release, from 0. */
  next: number;
  /** When it comes out, milliseconds since the epoch. */
  at: number;
  released: Map<string, Update[]>;
}

/** More than that were never waited for: the host's clock jumped. */
const MOST = 20_000;

/**
 * What distributions publish while the fleet runs: one package after the other gets a newer version, half of them for
 * security. When and which is a function of the seed, so a fleet that is started again has the same past.
 */
export class Releases {
  readonly #histories = new Map<string, History>();

  /**
   * @param began when the fleet was made, milliseconds since the epoch
   * @param mean_ms time between two releases of one distribution in the mean; each takes half to one and a half of it
   */
  constructor(readonly seed: number, readonly began: number, readonly mean_ms: number, readonly clock: Clock) {}

  /** What came out for a distribution until now. */
  of(distribution: Distribution): Released {
    let history = this.#histories.get(distribution.key);
    if (!history) {
      history = { next: 0, at: this.began + this.#pause(distribution, 0), released: new Map() };
      this.#histories.set(distribution.key, history);
    }
    const now = epochMs(this.clock);
    for (; history.at <= now && history.next < MOST; history.next++) {
      const one = this.#choose(distribution, history.next);
      const update = makeRelease(distribution, one, this.seed, history.next);
      const before = history.released.get(one.name) ?? [];
      history.released.set(one.name, [...before, update]);
      history.at += this.#pause(distribution, history.next + 1);
    }
    return history.released;
  }

  #pause({ key }: Distribution, number: number): number {
    return this.mean_ms * (0.5 + fraction(this.seed, key, number, "pause"));
  }

  /** Packages of all roles alike: some releases concern every host, some only those of one role. */
  #choose(distribution: Distribution, number: number): CataloguePackage {
    const names = Object.keys(roles);
    const words = [this.seed, distribution.key, number] as const;
    const all = catalogue(distribution, names[hash(...words, "role") % names.length]);
    return all[hash(...words, "package") % all.length];
  }
}
