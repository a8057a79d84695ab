// Stands between a client and a server that comes and goes: the address stays, connections are cut, answers are lost on their way.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface CutProxy {
  readonly url: string;
  /** Where it leads now; null: nobody is there. */
  target: number | null;
  /** So many connections end when the first byte of an answer comes: the server has done what it was asked, and nobody hears of it. */
  loseAnswers: number;
  /** Ends all connections. */
  cut(): void;
  /** One of them, by chance. */
  cutOne(random: () => number): void;
  /** What the server says is not read for so long. */
  stall(ms: number): void;
  stop(): Promise<void>;
}

export async function openCutProxy(): Promise<CutProxy> {
  const open = new Map<Socket, Socket>();
  const own = { target: null as number | null, loseAnswers: 0 };
  const server = createServer((client) => {
    client.on("error", () => {});
    if (own.target === null) return void client.destroy();
    const upstream = connect({ host: "127.0.0.1", port: own.target });
    open.set(client, upstream);
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
    client.on("close", () => {
      open.delete(client);
      upstream.destroy();
    });
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      // Sockets go on: requests alone lose their answers.
      if (own.loseAnswers > 0 && bytes.toString("latin1", 0, 12).startsWith("HTTP/1.1 2")) {
        own.loseAnswers--;
        return void client.destroy();
      }
      if (!client.write(bytes)) upstream.pause();
    });
    client.on("drain", () => upstream.resume());
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return Object.assign(own, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => { for (const socket of open.keys()) socket.destroy(); },
    cutOne: (random: () => number) => { [...open.keys()][Math.floor(random() * open.size)]?.destroy(); },
    stall: (ms: number) => {
      const held = [...open.values()];
      for (const upstream of held) upstream.pause();
      setTimeout(() => { for (const upstream of held) upstream.resume(); }, ms);
    },
    stop: async () => {
      for (const socket of open.keys()) socket.destroy();
      await new Promise<void>((resolve) => { server.close(() => resolve()); });
    },
  });
}
