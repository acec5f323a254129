import type { OpenedSession } from "../../core/auth/types.ts";
import { ACCESS_COOKIE, accessCookie, endedCookies, SESSION_COOKIE, sessionCookie } from "./cookies.ts";
import type { Services } from "./state.ts";

/** Has the browser keep a session that was just opened, renewed or refreshed, instead of any that it had. */
export async function keepSession(answer: Response, services: Services, opened: OpenedSession): Promise<Response> {
  const { token, expires_in } = await services.sessions.accessToken(opened);
  answer.headers.append("set-cookie", sessionCookie(opened.token, opened.expires_at, services.clock));
  answer.headers.append("set-cookie", accessCookie(token, expires_in));
  return answer;
}

/** Has the browser forget its session, which has ended. */
export function forgetSession(answer: Response): Response {
  for (const cookie of endedCookies()) answer.headers.append("set-cookie", cookie);
  return answer;
}

/** Whether an answer says already what the browser keeps of a session; other cookies are no matter. */
export function decidesSession(answer: Response): boolean {
  return answer.headers.getSetCookie().some((cookie) =>
    [SESSION_COOKIE, ACCESS_COOKIE].some((name) => cookie.startsWith(`${name}=`))
  );
}
