import { HostFilter } from "../../../core/views/host_filter.ts";
import { HostSort } from "../../../core/views/list_hosts.ts";
import { gzipped } from "../../(_role)/gzip.ts";

/**
 * Compresses an answer with gzip where the browser takes it.
 *
 * The length of a compressed answer tells how much of what the asker chose is in it already (BREACH). Somebody who
 * listens on the wire and can make the person's browser open addresses of ours, as any site can by a link, could guess
 * what the page holds letter by letter. So nothing that a person can write into an address stands in what is compressed:
 * an address with a search, or with anything else after the question mark that is not known here, is answered as it is.
 * Our pages hold no key, session or one-time token beside that either.
 */
export function compressed(request: Request, url: URL, answer: Response): Response {
  if ([...url.searchParams].every(isFixed)) return gzipped(request, answer);
  answer.headers.append("vary", "accept-encoding");
  return answer;
}

/** A parameter of few values that are ours. One that means nothing is shown to the person, letter by letter. */
function isFixed([name, value]: [string, string]): boolean {
  switch (name) {
    case "sort":
      return HostSort.safeParse(value).success;
    case "health":
    case "status":
    case "only":
      return HostFilter.shape[name].safeParse(value).success;
    default:
      return false;
  }
}
