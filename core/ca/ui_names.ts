/**
 * The names of the self-made web certificate: the configured ones and the host of the public address. Null when the
 * operator brings a certificate, so that none is made.
 */
export function uiNames(
  server: { names: string[]; public_url: string | null; certificate_file: string | null },
): string[] | null {
  if (server.certificate_file !== null) return null;
  const host = server.public_url === null ? [] : [new URL(server.public_url).hostname.replace(/^\[(.*)\]$/, "$1")];
  return [...new Set([...server.names, ...host])];
}
