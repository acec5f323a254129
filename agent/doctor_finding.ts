import type { Clock } from "../core/clock.ts";
import type { AddressRules } from "./server/manager_addresses.ts";

/** What one check found, in words for the administrator of the host. */
export interface Finding {
  /** Steady name for programs. */
  check: string;
  /** `left_out`: could not be looked at, because of another problem that is in the list. */
  state: "ok" | "problem" | "left_out";
  /** What is, and for a problem what to do. */
  message: string;
}

export interface DoctorOptions {
  state: string;
  /** Where `serve` is told to listen. */
  listen: { hostname: string; port: number };
  /** The root side's socket. */
  executor: string;
  rules: AddressRules;
  clock: Clock;
  /** Of the runtime, such as 2.9.6. */
  runtime: string;
}

/** A finding before it has its name. */
export type Looked = Omit<Finding, "check">;
/** Answers null when there is nothing to say. A throw is a problem with its words. */
export type Check = (options: DoctorOptions) => Looked | null | Promise<Looked | null>;

export const ok = (message: string): Looked => ({ state: "ok", message });
export const problem = (message: string): Looked => ({ state: "problem", message });
export const leftOut = (message: string): Looked => ({ state: "left_out", message });
