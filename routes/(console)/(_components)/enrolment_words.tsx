import type { PendingEnrolment } from "../../../core/views/enrolments.ts";
import type { Wire } from "../../../core/wire.ts";

/** Where a machine says that its agent listens. */
export function agentAddress({ address, port }: Pick<PendingEnrolment, "address" | "port">): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The system that a machine says it runs; null when it does not. */
export function systemSaid({ os_details }: Pick<Wire<PendingEnrolment>, "os_details">): string | null {
  const text = (name: string) => typeof os_details[name] === "string" ? os_details[name] as string : "";
  const name = text("name") || text("pretty_name");
  const version = text("version");
  const words = version && !name.includes(version) ? `${name} ${version}` : name;
  return words.trim().slice(0, 120) || null;
}
