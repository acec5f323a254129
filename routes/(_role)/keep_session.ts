import type { OpenedSession } from "../../core/auth/types.ts";
import { endedSessionCookie, sessionCookie } from "./cookies.ts";
import type { Services } from "./state.ts";

/** Has the browser keep a session that was just opened or renewed, instead of any that it had. */
export function keepSession(answer: Response, _services: Services, opened: OpenedSession): Promise<Response> {
  answer.headers.append("set-cookie", sessionCookie(opened.token));
  return Promise.resolve(answer);
}

/** Has the browser forget its session, which has ended. */
export function forgetSession(answer: Response): Response {
  answer.headers.append("set-cookie", endedSessionCookie());
  return answer;
}
