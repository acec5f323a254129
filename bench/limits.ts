import { connect as connectTls, createServer } from "node:tls";
import { good, root } from "../testing/agent_listener.ts";
import { client_options } from "../testing/agent_listener.ts";
import { testFolder } from "../testing/test_folder.ts";
import { type Figure, percentile, spread, timeEach } from "./measure.ts";

/** What nothing on this machine can be faster than: the other figures are to be read beside these. */
export async function benchLimits(): Promise<Figure[]> {
  return [...await handshakes(), ...await fsyncs(), ...await timers()];
}

/** TLS 1.3 with a certificate on both sides, P-256, both sides in this process and on one core. */
async function handshakes(): Promise<Figure[]> {
  const server = createServer({
    ca: root.ca,
    cert: good.certificate,
    key: good.key,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.3",
  }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const options = {
    ...{ host: "127.0.0.1", port, ca: client_options.ca, cert: client_options.client_cert },
    ...{ key: client_options.client_key, minVersion: "TLSv1.3" as const },
    checkServerIdentity: () => undefined,
  };
  try {
    const times = await timeEach(150, () =>
      new Promise<void>((resolve, reject) => {
        const socket = connectTls(options);
        socket.once("error", reject);
        socket.on("data", () => {});
        socket.once("close", () => resolve());
      }));
    const median = percentile(times, 0.5);
    return [
      ...spread("limit: TLS 1.3 handshake, both sides, P-256", times, null),
      { name: "limit: such handshakes", value: 1000 / median, unit: "a second", target: null },
    ];
  } finally {
    server.close();
  }
}

/** What every transaction waits for at its end on this disk. */
async function fsyncs(): Promise<Figure[]> {
  await using folder = await testFolder("fsync-");
  using file = await Deno.open(`${folder.path}/file`, { create: true, write: true });
  const page = new Uint8Array(8192);
  const times = await timeEach(200, async () => {
    await file.write(page);
    await file.syncData();
  });
  return spread("limit: fdatasync of 8 KiB", times, null);
}

/** How late an idle process's timer of 10 ms is: on a busy machine nobody is earlier. */
async function timers(): Promise<Figure[]> {
  const times = await timeEach(100, () => new Promise((resolve) => setTimeout(resolve, 10)));
  return spread("limit: a timer of 10 ms is late by", times.map((time) => time - 10), null);
}
