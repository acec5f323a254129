import { AppError } from "../../../../core/errors.ts";
import { type State, viewerOf } from "../../../(_role)/state.ts";

/**
 * The log tells of all hosts and people, so for operators, whose rail does not lead here, there is nothing.
 * @throws AppError not_found
 */
export function hideFromOperators(state: State): void {
  if (viewerOf(state).role === "operator") throw new AppError("not_found");
}
