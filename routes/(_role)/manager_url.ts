import { enrolmentCommand } from "../../core/enrolment/rules.ts";
import { AppError } from "../../core/errors.ts";
import type { State } from "./state.ts";

/**
 * The configured address, else the one under which the caller reached us. To be asked before a token is made: one that
 * nobody is shown would stay open for a day.
 * @throws AppError bad_request when the address cannot stand in a command
 */
export function managerUrl({ services }: Pick<State, "services">, url: URL): string {
  const manager = services.public_url ?? url.origin;
  try {
    enrolmentCommand(manager, services.ca_fingerprint, null);
    return new URL(manager).origin;
  } catch (cause) {
    throw new AppError("bad_request", {
      message: "The manager's own address cannot stand in a command.",
      hint: "Set server.public_url, or ask under a plain name or address.",
      cause,
    });
  }
}
