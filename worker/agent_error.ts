import { LimitError } from "../protocol/limits.ts";

/**
 * What kind of failure it was:
 * refused (nothing listens, or we may not connect), timeout (silent, or slower than allowed), tls (certificate or
 * protocol), dns (no address known), closed (connection broken), too_large, malformed (no HTTP, no JSON, too deep),
 * schema (JSON, but not what the protocol says), http (an error answer), revoked (its certificate was revoked),
 * busy (not the host's fault: large answers of others come first).
 */
export type AgentErrorKind =
  | "refused"
  | "timeout"
  | "tls"
  | "dns"
  | "closed"
  | "too_large"
  | "malformed"
  | "schema"
  | "http"
  | "revoked"
  | "busy";

/** Details of an error answer (kind http). */
export interface HttpFailure {
  /** HTTP status as it came. */
  status: number;
  /** The agent's own code, such as PKG_NOT_FOUND; null when the answer had none. */
  code: string | null;
  /** The agent says that the same request may succeed later. */
  retryable: boolean;
}

/** A managed host did not answer as it should. `message` is for people: what is, then what to do. */
export class AgentError extends Error {
  readonly kind: AgentErrorKind;
  readonly http: HttpFailure | null;
  constructor(kind: AgentErrorKind, message: string, options: { cause?: unknown; http?: HttpFailure } = {}) {
    super(message, { cause: options.cause });
    this.name = "AgentError";
    this.kind = kind;
    this.http = options.http ?? null;
  }
}

/** True for what is tried once more at once: a refused or broken connection, not a silent one. */
export function worthAnotherTry(error: unknown): boolean {
  return error instanceof AgentError && (error.kind === "refused" || error.kind === "closed");
}

/** The runtime could not verify the chain; which of its reasons it was needs a look at the certificate. */
export function isUnverified(error: unknown): boolean {
  return VERIFY_CODES.has(codeOf(error));
}

const VERIFY_CODES = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "INVALID_PURPOSE",
]);

/** Turns an error of sockets, TLS, HTTP or our limits into words. `where` is what the connection was meant for. */
export function agentError(error: unknown, where: { address: string; port: number }): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof LimitError) {
    return new AgentError(
      error.kind === "too_large" ? "too_large" : "malformed",
      `The host's answer was refused. ${error.message}`,
      { cause: error },
    );
  }
  const code = codeOf(error);
  if (isBadHttp(error, code)) {
    return new AgentError("malformed", `Port ${where.port} does not answer in valid HTTP.`, { cause: error });
  }
  const known = words(code, where);
  if (known) return new AgentError(known[0], known[1], { cause: error });
  if (error instanceof Deno.errors.NotCapable || code === "EPERM" || code === "EACCES") {
    return new AgentError(
      "refused",
      `The manager may not connect to ${where.address}:${where.port}. ` +
        "Add its network to agents.networks in the configuration.",
      { cause: error },
    );
  }
  return new AgentError("closed", `The connection failed${code ? ` (${code})` : ""}.`, { cause: error });
}

/** A parser's complaint, or the client library's about an informational answer that nobody asked for. */
function isBadHttp(error: unknown, code: string): boolean {
  return (error as Error)?.name === "HTTPParserError" || code.startsWith("HPE_") ||
    (code === "UND_ERR_SOCKET" && (error as Error).message === "bad response");
}

/** For a connection that broke after the answer had begun. */
export const BROKEN_ANSWER = "The connection broke in the middle of the host's answer.";

function words(code: string, { address, port }: { address: string; port: number }): [AgentErrorKind, string] | null {
  switch (code) {
    case "ECONNREFUSED":
      return ["refused", `Connection refused on port ${port}. Is patch-agent running?`];
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
    case "UND_ERR_SOCKET":
      return [
        "closed",
        "The host closed the connection without an answer. Does it trust this manager's certificate and allow its " +
        "address? Its log says why: patch-agent doctor.",
      ];
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
      return ["timeout", `No route to ${address}. Is the host up, and is its address right?`];
    case "ETIMEDOUT":
      return ["timeout", `No answer from ${address} on port ${port}. Is the host up, and does its firewall let us in?`];
    case "ENOTFOUND":
      return ["dns", "The host has no address. Resolve its name again."];
    case "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION":
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
      return ["tls", "The host does not speak TLS 1.3. Update its agent."];
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return ["tls", `Port ${port} does not speak TLS. Is another service listening there?`];
    case "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED":
      return ["tls", "The host asks for a client certificate and did not get ours. Restart the manager."];
    case "UND_ERR_RES_EXCEEDED_MAX_SIZE":
      return ["too_large", "The host's answer was refused. It is larger than 16 MiB."];
    case "UND_ERR_HEADERS_OVERFLOW":
      return ["too_large", "The host's answer was refused. Its head is larger than 16 KiB."];
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return ["closed", BROKEN_ANSWER];
    default:
      return null;
  }
}

/** The code of an error or of what caused it; "" when there is none. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string" && code !== "") return code;
  }
  return "";
}
