/**
 * Prints what a program complains about in its text log from now on; the file has everything.
 * @returns stops following
 */
export function followLog(file: string, print: (line: string) => void): () => void {
  let position = Deno.statSync(file).size;
  let rest = "";
  const decoder = new TextDecoder();
  const read = () => {
    using log = Deno.openSync(file);
    log.seekSync(position, Deno.SeekMode.Start);
    const part = new Uint8Array(64 * 1024);
    for (let length = log.readSync(part); length; length = log.readSync(part)) {
      position += length;
      const lines = (rest + decoder.decode(part.subarray(0, length), { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (isComplaint(line)) print(line);
    }
  };
  const timer = setInterval(read, 250);
  return () => clearInterval(timer);
}

/** True for lines of level warn and error, and for those that no log wrote, such as a crash. */
export function isComplaint(line: string): boolean {
  return line.trim() !== "" && !/^\S+ (debug|info ) /.test(line);
}
