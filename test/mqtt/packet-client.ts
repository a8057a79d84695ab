// A client that sends exactly what it is told to, packet by packet, also what no honest one would.
import { connect, type Socket } from "node:net";
import { generate, parser, type IConnackPacket, type IConnectPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import { until } from "../processes/waits.ts";

export interface PacketClientOptions {
  readonly version: 4 | 5;
  readonly client: string;
  readonly clean?: boolean;
  readonly password?: string;
  readonly keepAlive?: number;
  readonly properties?: IConnectPacket["properties"];
}

export class PacketClient {
  readonly #socket: Socket;
  readonly #version: number;
  readonly #packets: Packet[] = [];
  isClosed = false;
  connack!: IConnackPacket;

  constructor(port: number, version: number) {
    this.#version = version;
    this.#socket = connect(port, "127.0.0.1");
    const reader = parser({ protocolVersion: version });
    reader.on("packet", (packet) => this.#packets.push(packet));
    reader.on("error", () => {});
    this.#socket.on("data", (chunk) => reader.parse(chunk as Buffer));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => { this.isClosed = true; });
  }

  static async open(port: number, { version, client, clean = true, password, keepAlive = 0, properties }: PacketClientOptions): Promise<PacketClient> {
    const made = new PacketClient(port, version);
    made.send({
      cmd: "connect", protocolId: "MQTT", protocolVersion: version, clientId: client, clean, keepalive: keepAlive,
      ...(password === undefined ? {} : { username: "x", password: Buffer.from(password) }), ...(properties === undefined ? {} : { properties }),
    } as Packet);
    made.connack = await made.expect("connack");
    return made;
  }

  send(packet: Packet): void {
    this.raw(generate(packet, { protocolVersion: this.#version }));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] });
    await this.expect("suback");
  }

  /** Undefined: the end. */
  async next(): Promise<Packet | undefined> {
    await this.#wait(() => this.#packets.length > 0 || this.isClosed, "a packet");
    return this.#packets.shift();
  }

  /** The next packet, which is of this kind. */
  async expect(cmd: "publish"): Promise<IPublishPacket>;
  async expect(cmd: "connack"): Promise<IConnackPacket>;
  async expect(cmd: Packet["cmd"]): Promise<Packet & { reasonCode?: number }>;
  async expect(cmd: Packet["cmd"]): Promise<Packet> {
    const packet = await this.next();
    if (packet?.cmd !== cmd) throw new Error(`${cmd} was expected, not ${packet === undefined ? "the end" : JSON.stringify(packet)}`);
    return packet;
  }

  /** Nothing comes for a while. */
  async isQuiet(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return this.#packets.length === 0;
  }

  async closed(): Promise<void> {
    await this.#wait(() => this.isClosed, "the end");
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #wait(condition: () => boolean, what: string): Promise<void> {
    await until(condition, `${what} comes`);
  }
}
