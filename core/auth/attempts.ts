import { AppError } from "../errors.ts";

/**
 * The refusal of an attempt that comes too soon after failed ones.
 * @param seconds until the next one may be made
 */
export function tooManyAttempts(seconds: number): AppError {
  const wait = seconds === 1 ? "a second" : seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return new AppError("too_many_requests", {
    message: "Too many failed attempts.",
    hint: `Wait ${wait}, then try again.`,
    details: [{ field: "retry_after_seconds", problem: String(seconds) }],
  });
}
