/** One thing wrong with what was sent: where, what, and what to do. */
export interface Problem {
  /** Dotted path of the field, as the sender wrote it: `packages.0`, `address`. */
  field: string;
  /** What is wrong, in words. */
  problem: string;
  /** What to do about it. */
  hint?: string;
}

/**
 * The catalogue: every error that a person or a client can meet. A code is never renamed; the words may
 * improve. `message` says what is, `hint` says what to do.
 */
export const catalogue = {
  bad_request: { status: 400, message: "The request could not be read.", hint: "Check the format of the request." },
  validation_failed: {
    status: 400,
    message: "Some fields are not as expected.",
    hint: "Correct the fields named in details.",
  },
  not_signed_in: { status: 401, message: "You are not signed in.", hint: "Sign in and try again." },
  session_expired: { status: 401, message: "Your session has ended.", hint: "Sign in again." },
  login_failed: {
    status: 401,
    message: "User name or password is wrong.",
    hint: "Check both and try again. The password is case-sensitive.",
  },
  password_change_required: {
    status: 403,
    message: "The one-time password must be changed first.",
    hint: "Choose your own password, then go on.",
  },
  second_factor_required: {
    status: 403,
    message: "The second factor is still missing.",
    hint: "Finish signing in with a code or a passkey.",
  },
  factor_enrolment_required: {
    status: 403,
    message: "This account has no second factor yet.",
    hint: "Set up an authenticator app or a passkey first; nothing else is open until then.",
  },
  confirmation_required: {
    status: 403,
    message: "Confirm that it is you.",
    hint: "Prove again who you are, then repeat this within ten minutes.",
  },
  factor_failed: {
    status: 401,
    message: "This code is wrong, or was used before.",
    hint: "Take the code that is shown now; each counts once. If it stays wrong, the clock of the device may be off.",
  },
  passkey_refused: {
    status: 401,
    message: "The passkey was not accepted.",
    hint: "Try again, or prove in another way who you are.",
  },
  confirmation_failed: {
    status: 401,
    message: "Password or code is wrong.",
    hint: "Check both and try again. Each code counts once.",
  },
  forbidden: { status: 403, message: "Your role does not allow this.", hint: "Ask an admin." },
  wall_screen: {
    status: 403,
    message: "This is a wall screen: it shows the dashboard and nothing else.",
    hint: "Sign out here and sign in again to do more.",
  },
  origin_refused: {
    status: 403,
    message: "The request did not come from this site.",
    hint: "Open the page again from its own address.",
  },
  token_refused: {
    status: 401,
    message: "This API token is not accepted.",
    hint:
      "Check that all of it was sent; it may also have expired, been revoked, or be for other addresses. Its owner sees which.",
  },
  token_scope_missing: {
    status: 403,
    message: "This API token may not do that.",
    hint: "Make a token with the scope that is named in details.",
  },
  token_not_allowed: {
    status: 403,
    message: "This cannot be done with an API token.",
    hint: "Sign in and do it there.",
  },
  address_refused: {
    status: 403,
    message: "Your address is not among those that may come in.",
    hint: "Come from an allowed network, or ask an admin; at the console: patch-manager access list.",
  },
  not_found: { status: 404, message: "There is nothing here.", hint: "Check the address." },
  host_not_found: {
    status: 404,
    message: "There is no such host.",
    hint: "It may have been removed, or belong to a group that is not yours.",
  },
  group_not_found: {
    status: 404,
    message: "There is no such group.",
    hint: "It may have been deleted, or is not one of yours.",
  },
  user_not_found: { status: 404, message: "There is no such user.", hint: "Choose among the users in the list." },
  session_not_found: { status: 404, message: "There is no such session.", hint: "It may have ended already." },
  token_not_found: {
    status: 404,
    message: "There is no such API token.",
    hint: "It may have been revoked or have expired already.",
  },
  job_not_found: { status: 404, message: "There is no such job.", hint: "Check the address." },
  enrolment_not_found: {
    status: 404,
    message: "There is no such enrolment request.",
    hint: "It may have been decided already.",
  },
  enrolment_token_refused: {
    status: 403,
    message: "This enrolment token is unknown, used, revoked or expired.",
    hint: "Make a new token, or enrol without one and have the request approved.",
  },
  factor_not_found: {
    status: 404,
    message: "There is no such second factor.",
    hint: "It may have been removed already.",
  },
  method_not_allowed: {
    status: 405,
    message: "This address does not take that method.",
    hint: "See the API description.",
  },
  host_exists: {
    status: 409,
    message: "This host is already registered.",
    hint: "Open the existing host, or remove it first.",
  },
  group_exists: {
    status: 409,
    message: "There is a group of this name already.",
    hint: "Choose another name.",
  },
  user_exists: {
    status: 409,
    message: "There is a user of this name already.",
    hint: "Capitals make no difference. Choose another name.",
  },
  last_admin: {
    status: 409,
    message: "Nobody else could manage this installation: this is the last admin who may sign in.",
    hint: "Make somebody else an admin first.",
  },
  own_account: {
    status: 409,
    message: "This is your own account.",
    hint: "Ask another admin to do it.",
  },
  user_in_use: {
    status: 409,
    message: "This user has worked here, and the history names them.",
    hint: "Disable the account instead: nobody signs in with it any more, and what was done stays traceable.",
  },
  last_factor: {
    status: 409,
    message: "This is the only second factor, and one has to be left.",
    hint: "Add another one first, or set this one up anew.",
  },
  passkey_exists: {
    status: 409,
    message: "This passkey is registered already.",
    hint: "Use another device or key.",
  },
  factor_setup_expired: {
    status: 409,
    message: "This set-up has taken too long, or belongs to another session.",
    hint: "Begin again: there is a new secret.",
  },
  already_enrolled: {
    status: 409,
    message: "This machine is already enrolled.",
    hint: "Remove the host first to enrol it again.",
  },
  conflict: { status: 409, message: "Somebody changed this in the meantime.", hint: "Reload and try again." },
  would_lock_out: {
    status: 409,
    message: "This would lock you out.",
    hint: "Add the network that you come from, then save again.",
  },
  job_final: { status: 409, message: "The job has ended already.", hint: "Start a new one." },
  nothing_to_do: {
    status: 422,
    message: "None of the chosen hosts has an update that can be applied.",
    hint: "Choose other hosts or packages, or refresh them first.",
  },
  passkeys_unavailable: {
    status: 422,
    message: "Passkeys cannot be used here.",
    hint: "Use an authenticator app, or have server.public_url set to the name of this manager.",
  },
  address_unresolvable: {
    status: 422,
    message: "The name could not be resolved.",
    hint: "Check the spelling, or give the IP address.",
  },
  payload_too_large: { status: 413, message: "The request is too large.", hint: "Send less at once." },
  unsupported_media_type: {
    status: 415,
    message: "The body is of a type that is not read here.",
    hint: "Send JSON in UTF-8, with the header Content-Type: application/json.",
  },
  too_many_requests: { status: 429, message: "Too many attempts.", hint: "Wait a moment, then try again." },
  password_weak: {
    status: 422,
    message: "This password is too easy to guess.",
    hint: "Mix a few words that do not belong together, without your name: 12 characters or more.",
  },
  ticket_refused: { status: 403, message: "The ticket is used, expired or not yours.", hint: "Ask for a new ticket." },
  idempotency_conflict: {
    status: 409,
    message: "This Idempotency-Key was used for a different request.",
    hint: "Use a new key for a new request.",
  },
  internal: {
    status: 500,
    message: "Something failed on our side.",
    hint: "Try again; if it stays, give the request id to an admin.",
  },
  database_unavailable: {
    status: 503,
    message: "The database does not answer.",
    hint: "Wait a moment; an admin finds the reason in the log.",
  },
} as const satisfies Record<string, { status: number; message: string; hint: string }>;

export type ErrorCode = keyof typeof catalogue;

/** An error with public words. What must stay private travels as `cause` and goes to the log only. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** What to do, for people. */
  readonly hint: string;
  readonly details: Problem[];
  constructor(
    code: ErrorCode,
    options: { message?: string; hint?: string; details?: Problem[]; cause?: unknown } = {},
  ) {
    super(options.message ?? catalogue[code].message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.status = catalogue[code].status;
    this.hint = options.hint ?? catalogue[code].hint;
    this.details = options.details ?? [];
  }
}

/** Words of anything that was thrown, for the log. */
export function reason(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors.map(reason).join("; ");
  if (thrown instanceof Error) {
    return thrown.cause ? `${thrown.message}: ${reason(thrown.cause)}` : thrown.message || thrown.name;
  }
  return String(thrown);
}
