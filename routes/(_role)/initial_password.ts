import { reason } from "../../core/errors.ts";
import type { Services } from "./state.ts";

/** Removes the file with the one-time password: whoever logged in has read it. */
export async function forgetInitialPassword({ initial_password_file, log }: Services): Promise<void> {
  if (!initial_password_file) return;
  try {
    await Deno.remove(initial_password_file);
    log.info("initial_password.removed", { path: initial_password_file });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return;
    log.warn("initial_password.kept", {
      path: initial_password_file,
      message: `Remove this file by hand: ${reason(thrown)}`,
    });
  }
}
