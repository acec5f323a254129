import { AppError, catalogue, reason } from "../../core/errors.ts";
import { unavailable } from "../../core/database/connection.ts";
import { type Context, statusOf } from "../../web/mod.ts";
import type { State } from "./state.ts";

/** Body of every refusal of the REST API. */
export interface ErrorBody {
  error: { code: string; message: string; hint: string; request_id: string; details: unknown[] };
}

/** What was thrown, as an error with public words. Details of anything unforeseen stay in the log. */
export function publicError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const down = unavailable(thrown);
  if (down) return down;
  const status = statusOf(thrown);
  if (status === 404) return new AppError("not_found");
  if (status === 405) return new AppError("method_not_allowed");
  if (status === 413) return new AppError("payload_too_large");
  if (status === 415) return new AppError("unsupported_media_type");
  if (status < 500) return new AppError("bad_request", { cause: thrown });
  return new AppError("internal", { cause: thrown });
}

/** The site's `onError`: logs what is ours to mend and answers API calls in the envelope. */
export function answerError(thrown: unknown, ctx: Context<State>): Response | undefined {
  const error = publicError(thrown);
  const { services, request_id } = ctx.state;
  if (error.status >= 500) {
    services.log.error("http.failure", {
      request_id,
      route: ctx.route,
      error_code: error.code,
      message: reason(thrown),
    });
  }
  if (ctx.kind === "page" && !wantsJson(ctx.req)) return undefined;
  return errorResponse(error, request_id);
}

/** An error in the envelope of the REST API. */
export function errorResponse(error: AppError, request_id: string): Response {
  const { code, message, hint, details, status } = error;
  const body: ErrorBody = { error: { code, message, hint, request_id, details } };
  const headers = new Headers();
  const wait = details.find(({ field }) => field === "retry_after_seconds")?.problem;
  if (wait) headers.set("retry-after", wait);
  if (status === catalogue.not_signed_in.status) headers.set("www-authenticate", 'Bearer realm="patch-manager"');
  return Response.json(body, { status, headers });
}

function wantsJson(request: Request): boolean {
  return (request.headers.get("accept") ?? "").startsWith("application/json");
}
