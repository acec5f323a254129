import net from "node:net";

/** A line to the site that can be cut, as networks do, without the site's knowing. */
export interface Wire extends AsyncDisposable {
  /** `https://localhost:PORT`; the certificate is the site's own. */
  origin: string;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  mend(): void;
}

/** Opens one to a port of this machine. */
export async function openWire(port: number): Promise<Wire> {
  const sockets = new Set<net.Socket>();
  let whole = true;
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = net.createServer((near) => {
    keep(near);
    if (!whole) return near.destroy();
    const far = net.connect(port, "127.0.0.1");
    keep(far);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    origin: `https://localhost:${(server.address() as net.AddressInfo).port}`,
    cut,
    mend: () => void (whole = true),
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
