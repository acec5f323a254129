import { appendFor } from "../audit/append_audit.ts";
import type { Context } from "../audit/types.ts";
import type { Sql } from "../database/connection.ts";
import { AppError } from "../errors.ts";
import type { ExistingHost } from "./types.ts";

/**
 * Name or address belong to a host that the caller may not know of. They are told so and nothing else: not its name, not
 * which of both it was, not its groups. That much cannot be hidden, because a second host of the same name or address
 * would be the same machine, patched by people who may not. What the error knows beside is for the audit log.
 */
export class HostTaken extends AppError {
  readonly host: { kind: "host"; id: string; name: string };
  constructor({ id, fqdn }: ExistingHost) {
    const problem = "Its name or address belongs to a host that is out of your scope.";
    const hint = "Ask an admin whether you should see that host. The attempt is in the audit log.";
    super("host_exists", { message: problem, hint, details: [{ field: "address", problem, hint }] });
    this.host = { kind: "host", id, name: fqdn };
  }
}

/**
 * Does what may find a host that the caller may not know of. Each time it does is a row of the audit log, with that host:
 * whoever tries out names and addresses to learn which are managed is seen.
 *
 * @param action of the audit log: `host.create`
 * @throws what the work throws
 */
export async function orTaken<T>(sql: Sql, action: string, context: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof HostTaken) {
      const details = { reason: "its name or address belongs to a host out of scope" };
      await appendFor(sql, context, { action, object: thrown.host, outcome: "denied", details });
    }
    throw thrown;
  }
}
