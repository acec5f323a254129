import { Tabs } from "../../../../components/tabs.tsx";

const PLACES = [
  { href: "/settings", label: "General" },
  { href: "/settings/addresses", label: "Addresses" },
] as const;

/** The parts of the settings, each a page of its own. */
export function SettingsTabs({ current }: { current: typeof PLACES[number]["href"] }) {
  return <Tabs label="Settings" tabs={PLACES.map((place) => ({ ...place, current: place.href === current }))} />;
}
