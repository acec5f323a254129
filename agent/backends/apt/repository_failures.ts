import type { JobErrorCode } from "../../../protocol/api.ts";

/** What one repository's refresh, or one download, may die of. First match wins, so causes stand before consequences. */
export type RepositoryRule = [
  pattern: RegExp,
  code: JobErrorCode,
  words: (match: RegExpExecArray) => string,
  more?: { clock: true },
];

/**
 * Wordings are those of apt 2.6 to 3.0 under LC_ALL=C.UTF-8: gpgv and sqv, GnuTLS and OpenSSL. A captured tail of a
 * line stays in apt's words, so that it can be searched for.
 */
export const repositoryRules: RepositoryRule[] = [
  [
    /Release file for \S+ is not valid yet \(invalid for another ([^)]*)\)/,
    "CACHE_REFRESH_ERROR",
    (m) => `The repository's index is from the future (valid in ${m[1]}): the clock of this host is wrong. Set it.`,
    { clock: true },
  ],
  [
    /Release file for \S+ is expired \(invalid since ([^)]*)\)/,
    "CACHE_REFRESH_ERROR",
    (m) =>
      `The repository's index expired ${m[1]} ago: the mirror is not kept up to date any more, or the clock of this ` +
      "host is wrong. Check the clock, then choose another mirror.",
  ],
  [
    /changed its '([^']*)' value from '([^']*)' to '([^']*)'/,
    "CACHE_REFRESH_ERROR",
    (m) =>
      `The repository changed its ${m[1]} from ${m[2]} to ${m[3]}, for example because a new release came out. If ` +
      "that is wanted, run `apt-get update --allow-releaseinfo-change` on the host.",
  ],
  [
    /(?:NO_PUBKEY|Missing key) ([0-9A-F]+)/,
    "GPG_ERROR",
    (m) =>
      `The repository's signature could not be verified: this host does not have the key (NO_PUBKEY ${
        m[1]
      }). Install ` +
      "the repository's key, or remove the repository.",
  ],
  [
    /(?:EXPKEYSIG|KEYEXPIRED) ?([0-9A-F]*)/,
    "GPG_ERROR",
    (m) =>
      `The repository's signature could not be verified: its key ${m[1]} has expired. Install the renewed key.`
        .replace("  ", " "),
  ],
  [
    /REVKEYSIG ([0-9A-F]+)/,
    "GPG_ERROR",
    (m) =>
      `The repository's signature could not be verified: its key ${
        m[1]
      } was revoked. Find out why before you trust a new one.`,
  ],
  [
    /BADSIG ([0-9A-F]+)/,
    "GPG_ERROR",
    () =>
      "The repository's signature could not be verified: it does not belong to the content (BADSIG). The mirror is " +
      "damaged, or somebody changed it on the way.",
  ],
  [
    /Clearsigned file isn't valid, got '[^']*'[^\n]*/,
    "NETWORK_ERROR",
    () =>
      "The repository answers with something else than its index: a network that asks for a login, or a proxy's " +
      "error page, stands in between.",
  ],
  [
    /(?:is not signed|OpenPGP signature verification failed|GPG error|signatures couldn't be verified|signatures were invalid|unauthenticated packages)[^\n]*/,
    "GPG_ERROR",
    (m) =>
      /is not signed/.test(m[0])
        ? "The repository's signature could not be verified: it is not signed, so apt does not use it. Use a signed one."
        : `The repository's signature could not be verified: ${m[0].trim()}`,
  ],
  [
    /does not have a Release file|no longer has a Release file/,
    "NETWORK_ERROR",
    (m) =>
      `The repository ${m[0]}: the suite does not exist at this address (any more). Check the line in sources.list; ` +
      "an old release moves to an archive server.",
  ],
  // apt says it twice; only the second time with the address.
  [/Failed to fetch (\S+)\s+(?:Hash Sum mismatch|File has unexpected size)/, "NETWORK_ERROR", (m) => changed(m[1])],
  [/Hash Sum mismatch|File has unexpected size/, "NETWORK_ERROR", () => changed("A file of the repository")],
  [
    /(?:407  ?Proxy|Invalid response from proxy|SOCKS proxy)[^\n]*/,
    "NETWORK_ERROR",
    (m) =>
      `The proxy does not let it through: ${
        m[0].trim()
      }. Check Acquire::http::Proxy in /etc/apt/apt.conf.d on the host.`,
  ],
  [
    /(?:[Cc]ertificate verification failed|certificate verify failed|[Cc]ould not handshake|SSL connection failed|TLS connection)[^\n]*/,
    "NETWORK_ERROR",
    (m) =>
      `The repository's TLS certificate is not accepted: ${m[0].trim()}. Check the clock and the package ` +
      "ca-certificates on the host, or the server's certificate.",
  ],
  [
    /Failed to fetch (\S+)\s+(?:404|File not found|Failed to stat)/,
    "NETWORK_ERROR",
    (m) => `${m[1]} is not in the repository any more. Refresh the index and try again.`,
  ],
  [
    /(?:Failed to fetch \S+\s+|^\s*)((?:401|403|429|5\d\d)  ?[A-Z][^\n]*)/m,
    "NETWORK_ERROR",
    (m) => `The repository's server refuses: ${m[1].trim()}`,
  ],
  [
    /(Could not resolve|Temporary failure resolving|Something wicked happened resolving|Could not connect|Unable to connect|Connection (?:failed|timed out)|Network is unreachable)[^\n]*/,
    "NETWORK_ERROR",
    (m) => `The repository cannot be reached: ${m[0].trim()}`,
  ],
  [/Failed to fetch [^\n]*/, "NETWORK_ERROR", (m) => m[0].trim()],
  [
    /Unable to parse package file|Encountered a section with no Package: header/,
    "CACHE_REFRESH_ERROR",
    () => "The repository's index cannot be read: it is no index, or damaged. Check its address; try again later.",
  ],
];

function changed(file: string): string {
  return `${file} is not what the index announced (size or checksum). The mirror may be changing; try again later.`;
}
