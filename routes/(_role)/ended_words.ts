import type { State } from "./state.ts";

/** What the login page says to somebody whose session has ended; null for somebody who had none. */
export function endedWords({ session_ended, session_copied }: State): { title: string; hint: string } | null {
  if (session_copied) {
    return {
      title: "Your session was ended, because an old copy of it was used.",
      hint: "Sign in again. If that was not a browser of yours, change your password and look at your sessions.",
    };
  }
  if (!session_ended) return null;
  return { title: "Your session has ended.", hint: "Sign in again; you come back to where you were." };
}
