import { type AllowList, createAllowList } from "../../protocol/listener.ts";

/** Whose connections are taken, as the command line says it. */
export interface AddressRules {
  /** Every address; the client certificate alone decides. */
  any: boolean;
  /** The manager's own addresses. */
  manager: boolean;
  /** Addresses and networks beside them. */
  networks: string[];
}

/**
 * Reads the values of `--allow`: `manager`, `any`, addresses and networks, several in one with commas. None at all, or
 * nothing but blanks as an environment file may leave it, is `manager`: nobody else has business here.
 * @throws Error that names the rule
 */
export function readAddressRules(values: string[]): AddressRules {
  const rules = values.flatMap((value) => value.split(",")).map((rule) => rule.trim()).filter((rule) => rule !== "");
  const networks = rules.filter((rule) => rule !== "any" && rule !== "manager");
  createAllowList(networks);
  return { any: rules.includes("any"), manager: rules.length === 0 || rules.includes("manager"), networks };
}

/**
 * The addresses that may connect: those of the rules, and where they say so those at which the manager has answered
 * as itself, at the enrolment and since. A former address of the manager stays until the next enrolment; it opens
 * nothing without the manager's certificate. This machine's own addresses are in it only where the manager has them.
 */
export class ManagerAddresses implements AllowList {
  #known = "";
  #list: AllowList = createAllowList([]);

  /**
   * @param enrolled as the enrolment has kept them
   * @param met grows while the agent runs
   */
  constructor(
    readonly rules: AddressRules,
    readonly enrolled: Iterable<string>,
    readonly met: Iterable<string>,
  ) {}

  allows(address: string | undefined): boolean {
    if (this.rules.any) return true;
    const all = this.rulesOfNow();
    const known = all.join();
    if (known !== this.#known) {
      this.#list = createAllowList(all);
      this.#known = known;
    }
    return this.#list.allows(address);
  }

  /** Addresses and networks as they count now, for the log and `doctor`. */
  rulesOfNow(): string[] {
    if (this.rules.any) return ["any"];
    const own = this.rules.manager ? [...this.enrolled, ...this.met].filter(isWritable) : [];
    return [...new Set([...this.rules.networks, ...own])];
  }
}

/** An IPv6 address with a zone says which cable, and cannot stand in a list. */
function isWritable(address: string): boolean {
  try {
    createAllowList([address]);
    return !address.includes("/");
  } catch {
    return false;
  }
}
