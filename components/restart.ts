/** How long a host's users are warned before it restarts: seconds, as a choice. */
export const RESTART_DELAYS = [
  { value: "0", label: "not at all, at once" },
  { value: "60", label: "1 minute" },
  { value: "300", label: "5 minutes" },
  { value: "900", label: "15 minutes" },
  { value: "3600", label: "1 hour" },
];

/** When hosts restart after a deployment, as a choice. */
export const RESTART_RULES = [
  { value: "never", label: "Do not restart any host" },
  { value: "needed", label: "Restart hosts that need it afterwards" },
  { value: "always", label: "Restart every host afterwards" },
];
