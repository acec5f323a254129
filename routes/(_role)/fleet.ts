import { type FleetSummary, fleetSummary } from "../../core/views/fleet_summary.ts";
import { type State, viewerOf } from "./state.ts";

const asked = new WeakMap<State, Promise<FleetSummary>>();

/** The fleet in numbers as this request's viewer may see it; read once a request, by frame and page alike. */
export function fleetOf(state: State): Promise<FleetSummary> {
  let summary = asked.get(state);
  if (!summary) asked.set(state, summary = fleetSummary(state.services.sql, viewerOf(state).sees));
  return summary;
}

/** A page that has read the summary with its own figures tells the frame, which need not read it again. */
export function knowFleet(state: State, summary: FleetSummary): void {
  asked.set(state, Promise.resolve(summary));
}
