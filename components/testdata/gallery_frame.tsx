import type { ComponentChildren } from "preact";
import { Frame } from "../frame.tsx";
import type { Theme } from "../top_bar.tsx";

/** The frame with the product's real rail, for looking at. */
export function GalleryFrame({ theme, path, children }: { theme: Theme; path: string; children: ComponentChildren }) {
  return (
    <Frame
      sections={[
        [
          { href: "/", label: "Dashboard", icon: "layout-dashboard" },
          { href: "/hosts", label: "Hosts", icon: "server", count: "212" },
          { href: "/patches", label: "Patches", icon: "package" },
          { href: "/deploy", label: "Deploy", icon: "rocket" },
          { href: "/jobs", label: "Jobs", icon: "list-checks", count: "2" },
          { href: "/windows", label: "Windows", icon: "calendar-clock" },
          { href: "/reports", label: "Reports", icon: "file-chart-column" },
        ],
        [
          { href: "/groups", label: "Groups", icon: "folder-tree" },
          { href: "/users", label: "Users", icon: "users" },
          { href: "/certificates", label: "Certificates", icon: "shield-check" },
          { href: "/audit", label: "Audit", icon: "scroll-text" },
          { href: "/settings", label: "Settings", icon: "settings" },
        ],
      ]}
      path={path}
      back={path}
      foot="Version 0.1.0"
      theme={theme}
      fleet={{ healthy: 2431, degraded: 12, unreachable: 3 }}
      working={2}
      user={{ name: "admin", role: "admin" }}
    >
      {children}
    </Frame>
  );
}
