/** An answer other than the expected one, thrown: `throw new HttpError(404)`. The nearest `_error` renders it. */
export class HttpError extends Error {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Headers for the answer, as `allow` with 405. */
  readonly headers: Record<string, string>;
  constructor(status: number, message?: string, options: { cause?: unknown; headers?: Record<string, string> } = {}) {
    super(message ?? words[status] ?? `HTTP ${status}`, { cause: options.cause });
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`An HttpError needs a status from 400 to 599, not ${status}.`);
    }
    this.name = "HttpError";
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

const words: Record<number, string> = {
  400: "The request could not be read.",
  401: "You are not signed in.",
  403: "You may not do this.",
  404: "There is nothing here.",
  405: "This address does not take that method.",
  426: "This address speaks WebSocket only.",
  500: "Something failed on our side.",
};

/** The status that a thrown value asks for by a `status` of 400 to 599, else 500. */
export function statusOf(thrown: unknown): number {
  const status = typeof thrown === "object" && thrown !== null && "status" in thrown ? thrown.status : undefined;
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599 ? status as number : 500;
}

/** Headers that a thrown {@link HttpError} carries. */
export function headersOf(thrown: unknown): Record<string, string> {
  return thrown instanceof HttpError ? thrown.headers : {};
}
