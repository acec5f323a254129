import { createDefine } from "../mod.ts";

/** What a request of the fixture site carries. */
export interface State {
  title: string;
  /** Names of what ran, in order. */
  steps: string[];
  role: string | null;
}

export const define = createDefine<State>();
