import { AppError } from "../../core/errors.ts";
import { type State, viewerOf } from "../(_role)/state.ts";

/**
 * Some answers tell of all hosts and people: they are for admins and auditors. Roles are ranked auditor, operator,
 * admin, so a route that auditors may use is open to operators too, unless its handler asks here.
 * @throws AppError forbidden for an operator
 */
export function refuseOperator(state: State): void {
  if (viewerOf(state).role === "operator") throw new AppError("forbidden");
}
