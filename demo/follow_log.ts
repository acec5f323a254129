/**
 * Prints what a program writes into its log from now on. Requests are left out: a person wants to see what happens to
 * the fleet, and the file has everything.
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
      for (const line of lines) if (isNews(line)) print(line);
    }
  };
  const timer = setInterval(read, 250);
  return () => clearInterval(timer);
}

/** Requests, and what the demo says itself, are no news. */
export function isNews(line: string): boolean {
  return line !== "" &&
    !/^\S+ (debug|info ) +(http\.|server\.|database\.|certificate\.|roles\.|initial_password\.)/.test(line);
}
