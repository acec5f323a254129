import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";
import { Menu, MenuButton, MenuLink } from "./menu.tsx";
import { PlaceLink } from "./place_link.tsx";
import { Shape } from "./shape.tsx";

export type Theme = "system" | "light" | "dark";

export interface TopBarData {
  theme: Theme;
  /** Where a preference form comes back to: path and query of the page. */
  back: string;
  /** Hosts by health, within what the viewer may see; null while unknown. */
  fleet: { healthy: number; degraded: number; unreachable: number } | null;
  /** Hosts that a job works on now. */
  working: number;
  user: { name: string; role: string };
  /** A screen on the wall: nothing to search for, nobody to have a profile. */
  wall?: boolean;
  /** What was searched for, to stay in the field. */
  search?: string;
  /** Where the search form goes. */
  searchAction?: string;
  /** More at the end of the bar: an island that shows live state. */
  children?: ComponentChildren;
}

/** Search, health of the fleet, running jobs, theme and user, in one line. */
export function TopBar(
  { theme, back, fleet, working, user, wall = false, search, searchAction = "/hosts", children }: TopBarData,
) {
  return (
    <>
      <button type="button" class="button button-quiet menu-button" popovertarget="rail">
        <Icon name="menu" />
        Menu
      </button>
      {!wall && (
        <form class="search" role="search" action={searchAction}>
          <Icon name="search" />
          <input
            class="input"
            type="search"
            id="search"
            name="q"
            value={search}
            placeholder="Search hosts"
            aria-label="Search hosts"
            aria-keyshortcuts="/"
            autocomplete="off"
            data-shortcut="/"
          />
          <kbd aria-hidden="true">/</kbd>
        </form>
      )}
      {fleet && <Fleet {...fleet} />}
      <div class="topbar-end">
        {children}
        {working > 0 && (
          <PlaceLink class={wall ? "topbar-work" : "button button-quiet topbar-work"} href="/jobs?state=running">
            <span class="status tone-info">
              <Shape name="half" moving />
              {/* No number: the bar does not move by itself, and a live page below it would soon say another one. */}
              Jobs running
            </span>
          </PlaceLink>
        )}
        <span class="topbar-theme">
          <Menu id="theme-menu" icon={theme === "dark" ? "moon" : theme === "light" ? "sun" : "monitor"} label="Theme">
            <ThemeForm theme={theme} back={back} />
          </Menu>
        </span>
        <Menu id="user-menu" icon="circle-user" label={user.name}>
          <p class="menu-head">
            Signed in as <strong>{user.name}</strong>
            <br />
            <span class="meta">Role: {user.role}</span>
          </p>
          <div class="topbar-theme-instead">
            <ThemeForm theme={theme} back={back} />
            <hr class="menu-rule" />
          </div>
          <form class="wide-only" method="post" action="/preferences">
            <input type="hidden" name="back" value={back} />
            <MenuButton name="rail" value="shown" icon="panel-left">Show the rail</MenuButton>
          </form>
          {!wall && (
            <>
              <MenuLink href="/profile" icon="circle-user">Profile</MenuLink>
              <MenuLink href="/password" icon="key-round">Change password</MenuLink>
              {user.role === "admin" && <MenuLink href="/api/docs" icon="terminal">API</MenuLink>}
            </>
          )}
          <hr class="menu-rule" />
          <form method="post" action="/logout">
            <MenuButton icon="log-out">Sign out</MenuButton>
          </form>
        </Menu>
      </div>
    </>
  );
}

function ThemeForm({ theme, back }: { theme: Theme; back: string }) {
  return (
    <form method="post" action="/preferences">
      <input type="hidden" name="back" value={back} />
      <p class="menu-title meta">Theme</p>
      <MenuButton name="theme" value="system" icon="monitor" pressed={theme === "system"}>As the system</MenuButton>
      <MenuButton name="theme" value="light" icon="sun" pressed={theme === "light"}>Light</MenuButton>
      <MenuButton name="theme" value="dark" icon="moon" pressed={theme === "dark"}>Dark</MenuButton>
    </form>
  );
}

/** What is well gives way where there is little room; what is not never does. */
function Fleet({ healthy, degraded, unreachable }: NonNullable<TopBarData["fleet"]>) {
  const well = degraded === 0 && unreachable === 0;
  return (
    <div class="fleet number" role="group" aria-label="Health of the fleet">
      <PlaceLink class={well ? "status tone-ok" : "status tone-ok fleet-rest"} href="/hosts?health=healthy">
        <Shape name="dot" />
        {healthy.toLocaleString("en")} healthy
      </PlaceLink>
      {degraded > 0 && (
        <PlaceLink class="status tone-warn" href="/hosts?health=degraded">
          <Shape name="half" />
          {degraded.toLocaleString("en")} degraded
        </PlaceLink>
      )}
      {unreachable > 0 && (
        <PlaceLink class="status tone-bad" href="/hosts?health=unreachable">
          <Shape name="cross" />
          {unreachable.toLocaleString("en")} unreachable
        </PlaceLink>
      )}
    </div>
  );
}
