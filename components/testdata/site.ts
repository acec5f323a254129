import { createDefine } from "../../web/mod.ts";
import type { Theme } from "../top_bar.tsx";

export const define = createDefine<{ theme: Theme; title: string }>();
export const NOW = "2026-11-21T08:05:12Z";
