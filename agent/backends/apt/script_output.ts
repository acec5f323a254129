const ANNOUNCEMENT =
  /^(?:Setting up|Removing|Unpacking|Purging configuration|Processing triggers|Preparing to unpack) /;
/** The longest output that is kept of one package. UTF-16 units. */
const LIMIT = 4096;

/**
 * The last lines that a package's script wrote before dpkg gave up on it: what stands between dpkg's announcement
 * (`Setting up NAME (`, `Preparing to unpack …/NAME_`, `Removing NAME (`) and its error. The last failure counts,
 * because a repair tries the same script again. Null when dpkg reported no error for it, or the script said nothing.
 */
export function scriptOutput(output: string, name: string): string | null {
  const plain = name.split(":")[0];
  const lines = output.split("\n");
  const end = lines.findLastIndex((line) => isError(line, plain));
  if (end < 0) return null;
  const start = lines.findLastIndex((line, index) => index < end && isAnnouncement(line, plain));
  // A script may have written so much that its announcement is no longer in what is read.
  if (start < 0 && lines.slice(0, end).some((line) => ANNOUNCEMENT.test(line))) return null;
  const text = lines.slice(start + 1, end).join("\n").trim();
  if (text === "") return null;
  return text.length <= LIMIT ? text : `…${text.slice(1 - LIMIT)}`;
}

function isError(line: string, name: string): boolean {
  const subject = /^dpkg: error processing (?:package|archive) (\S+) \(/.exec(line)?.[1];
  if (subject === undefined) return false;
  const base = subject.split("/").at(-1)!;
  return base.split(":")[0] === name || (subject.includes("/") && base.replace(/^\d+-/, "").startsWith(`${name}_`));
}

function isAnnouncement(line: string, name: string): boolean {
  const announced = /^(?:Setting up|Removing|Unpacking|Purging configuration files for) (\S+) \(/.exec(line)?.[1] ??
    /^Processing triggers for (\S+) \(/.exec(line)?.[1];
  if (announced !== undefined) return announced.split(":")[0] === name;
  // apt numbers the archives that it links into a folder of its own: `.../01-NAME_VERSION_ARCH.deb`.
  const archive = /^Preparing to unpack (?:\S*\/)?(?:\d+-)?([a-z0-9][a-z0-9+.-]*)_\S+\.deb \.\.\.$/.exec(line)?.[1];
  return archive === name;
}
