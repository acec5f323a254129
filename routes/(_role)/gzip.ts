/** The answer compressed with gzip, where the asker takes it and there is something to compress. */
export function gzipped(request: Request, answer: Response): Response {
  answer.headers.append("vary", "accept-encoding");
  if (answer.body === null || answer.status !== 200 || answer.headers.has("content-encoding")) return answer;
  if (!takesGzip(request.headers.get("accept-encoding") ?? "")) return answer;
  const headers = new Headers(answer.headers);
  headers.set("content-encoding", "gzip");
  headers.delete("content-length");
  return new Response(answer.body.pipeThrough(new CompressionStream("gzip")), { status: answer.status, headers });
}

/** RFC 9110, 12.5.3: gzip is named, and not with a weight of zero. */
export function takesGzip(accepted: string): boolean {
  return accepted.split(",").some((one) => {
    const [name, weight] = one.trim().toLowerCase().split(/\s*;\s*q\s*=\s*/);
    return name === "gzip" && (weight === undefined || Number(weight) > 0);
  });
}
