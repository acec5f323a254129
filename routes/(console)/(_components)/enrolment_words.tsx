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

/**
 * A command as root pastes it on the host: the agent's state belongs to the agent's user, and both of its services
 * start once it has its certificate (docs/agent-install.md).
 *
 * @param command from enrolmentCommand
 */
export function asRoot(command: string): string {
  return `runuser -u patch-agent -- ${command} && systemctl start patch-executor patch-agent`;
}
