import type { UserSession } from "../../../../core/views/users.ts";
import type { Wire } from "../../../../core/wire.ts";

// Only what is common and plain: the whole text stands in the title.
const BROWSERS: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChromium\//, "Chromium"],
  [/\bHeadlessChrome\/|\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bVersion\/[\d.]+ .*\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
];
const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b|\biPad\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** "Firefox on Linux"; what a program calls itself, shortened, where it is no browser that we know. */
export function deviceWords(user_agent: string | null): string {
  if (!user_agent) return "Unknown program";
  const first = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(user_agent))?.[1];
  const [browser, system] = [first(BROWSERS), first(SYSTEMS)];
  if (browser) return system ? `${browser} on ${system}` : browser;
  return user_agent.length > 40 ? `${user_agent.slice(0, 40)}…` : user_agent;
}

const METHODS: Record<string, string> = {
  pwd: "password",
  otp: "code",
  hwk: "passkey",
  swk: "passkey",
  rc: "recovery code",
};

/** What was proven at sign-in: "password, code". */
export function methodWords({ methods }: Pick<Wire<UserSession>, "methods">): string {
  return [...new Set(methods.flatMap((method) => METHODS[method] ?? []))].join(", ");
}

const STAGES = { factor: "second factor still missing", enrol: "sets up a second factor", full: null } as const;

/** What sort of session it is, where that is not plain. */
export function kindWords({ kind, name, stage }: Pick<Wire<UserSession>, "kind" | "name" | "stage">): string | null {
  const parts = [
    kind === "api" && "API client",
    kind === "wall" && `wall screen${name ? ` ${name}` : ""}`,
    STAGES[stage],
  ];
  return parts.filter(Boolean).join(", ") || null;
}
