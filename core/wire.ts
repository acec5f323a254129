import { rfc3339 } from "./clock.ts";

/** A value as it travels to the browser: instants become RFC 3339 text. */
export type Wire<T> = T extends Temporal.Instant ? string
  : T extends readonly (infer Item)[] ? Wire<Item>[]
  : T extends object ? { [K in keyof T]: Wire<T[K]> }
  : T;

/** Makes plain data of a read model. */
export function wire<T>(value: T): Wire<T> {
  if (value instanceof Temporal.Instant) return rfc3339(value) as Wire<T>;
  if (Array.isArray(value)) return value.map(wire) as Wire<T>;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, wire(member)])) as Wire<T>;
  }
  return value as Wire<T>;
}
