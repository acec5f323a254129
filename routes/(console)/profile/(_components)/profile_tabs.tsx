import { Tabs } from "../../../../components/tabs.tsx";

const PLACES = [
  { href: "/profile", label: "Sessions" },
  { href: "/profile/factors", label: "Second factor" },
  { href: "/profile/tokens", label: "API tokens" },
] as const;

/** The parts of the profile, each a page of its own. */
export function ProfileTabs({ current }: { current: typeof PLACES[number]["href"] }) {
  return <Tabs label="Your profile" tabs={PLACES.map((place) => ({ ...place, current: place.href === current }))} />;
}
