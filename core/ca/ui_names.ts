/**
 * The names of the self-made web certificate: the configured ones and the host of the public address. Null when the
 * operator brings a certificate, so that none is made.
 */
export function uiNames(
  server: { names: string[]; public_url: string | null; certificate_file: string | null },
): string[] | null {
  return server.certificate_file !== null ? null : ownNames(server);
}

/** Names and addresses under which the web listener is reached: the configured ones and the host of the public address. */
export function ownNames(server: { names: string[]; public_url: string | null }): string[] {
  const host = server.public_url === null ? [] : [new URL(server.public_url).hostname.replace(/^\[(.*)\]$/, "$1")];
  return [...new Set([...server.names, ...host])];
}
