// One connection of a client: its packets in order, each within the limits, and what becomes of the connection. What they mean for
// subscriptions and messages is the session's.
import type { Identity } from "../../access/identity.ts";
import { watchIdentity } from "../../access/identity-lease.ts";
import type { Sender } from "../../access/sender.ts";
import { unreachable } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { AmbitError, type ErrorExtras } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";
import { agree, identify, Refusal, refusal, welcome, type Agreement } from "./connect.ts";
import { Incoming } from "./incoming.ts";
import { Message } from "./message.ts";
import type { Flight } from "./outgoing.ts";
import { Outbox, type OutboxTurn, type SocketWire } from "./outbox.ts";
import { PacketFault, PacketReader } from "./packet-reader.ts";
import { packetBytes, type ConnectPacket, type DisconnectPacket, type Packet, type PublishPacket, type SubscribePacket, type UnsubscribePacket } from "./packet-types.ts";
import { readFilter } from "./topics.ts";
import { REASON, reasonOf, subscribeReason } from "./reason-codes.ts";
import type { Session, SessionConnection } from "./session.ts";
import { TopicAliases } from "./topic-aliases.ts";
import type { MqttApp } from "./topic-source.ts";
import type { Will } from "./will.ts";

/** What a connection needs of all the others. */
export interface ConnectionOwner {
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: OutboxTurn;
  app(): MqttApp;
  nextId(): string;
  /** The session that is meant, with this connection as its own; whoever had it before is closed. */
  enter(connection: Connection, agreement: Agreement, identity: Identity): Promise<Entered>;
  /** `will` null: none is to be published. */
  left(connection: Connection, session: Session | null, will: { readonly will: Will; readonly identity: Identity } | null): void;
  counted(what: "published" | "delivered" | "dropped", count?: number): void;
}

export interface Entered { readonly session: Session; readonly isPresent: boolean; attach(): void }

/** What a socket may hand over in one piece. */
const SOCKET_CHUNK_BYTES = 1_048_576;
/** How much longer than agreed a client may be silent. */
const PATIENCE = 1.5;

export class Connection implements SessionConnection {
  readonly #owner: ConnectionOwner;
  readonly #wire: SocketWire;
  readonly #reader: PacketReader;
  readonly #outbox: Outbox;
  #state: "new" | "entering" | "open" | "closed" = "new";
  #agreement: Agreement | null = null;
  #identity: Identity | null = null;
  #token: string | null = null;
  #session: Session | null = null;
  #incoming: Incoming | null = null;
  #aliases: TopicAliases | null = null;
  #will: Will | null = null;
  /** Packets wait until what came before is done. */
  #isBlocked = false;
  #isPaused = false;
  #isRenewing = false;
  #heardMs: number;
  #cancelTimer: () => void;
  #cancelExpiry = (): void => {};

  constructor(wire: SocketWire, owner: ConnectionOwner) {
    this.#wire = wire;
    this.#owner = owner;
    this.#reader = new PacketReader(() => owner.app().limits.mqttPacketBytes);
    this.#outbox = new Outbox(wire, owner.turn, () => this.#session?.roomMade());
    this.#heardMs = owner.clock.now();
    this.#cancelTimer = owner.clock.schedule(owner.app().limits.authMs, () => this.#close());
  }

  get app(): MqttApp {
    return this.#owner.app();
  }

  get #sender(): Sender {
    return { identity: this.identity, address: this.#wire.address };
  }

  get identity(): Identity {
    return this.#identity!;
  }

  get window(): number {
    return this.#agreement!.window;
  }

  get waitingBytes(): number {
    return this.#outbox.waiting;
  }

  get subscriptions(): number {
    return this.#session?.subscriptions ?? 0;
  }

  receive(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#heardMs = this.#owner.clock.now();
    this.#reader.add(chunk);
    this.#read();
    // Not every socket can be paused.
    if (this.#isPaused && this.#reader.bytes > 2 * this.app.limits.mqttPacketBytes + SOCKET_CHUNK_BYTES) this.disconnect(REASON.quota, "too much at once");
  }

  /** The socket has taken what waited. */
  drained(): void {
    this.#session?.roomMade();
  }

  /** The socket has ended. */
  closed(): void {
    this.#end();
  }

  /** Ends the connection from here. */
  disconnect(reason: number, message: string): void {
    if (this.#state === "closed") return;
    if (this.#state === "open" && this.#agreement?.version === 5) this.#sendPacket({ cmd: "disconnect", reasonCode: reason, properties: { reasonString: message } });
    this.#close();
  }

  fail(error: unknown): void {
    if (!(error instanceof AmbitError)) this.#owner.log.error("incident-occurred", { interface: "mqtt", ...describeError(error) });
    this.disconnect(error instanceof AmbitError ? reasonOf(error) : REASON.unspecified, error instanceof AmbitError ? error.message : "unexpected fault");
  }

  /** Who it is to the app that serves now. */
  renew(): void {
    if (this.#isRenewing || this.#state === "closed") return;
    this.#isRenewing = true;
    this.#session?.outgoing.hold();
    queueMicrotask(() => void this.#renewed());
  }

  get version(): 4 | 5 {
    return this.#agreement!.version;
  }

  /** Ready packets of QoS 0, for everybody. */
  deliverBytes(bytes: Uint8Array, count: number): boolean {
    if (bytes.length > this.#agreement!.packetBytesMax) return false;
    this.#owner.counted("delivered", count);
    this.#send(bytes);
    return true;
  }

  deliver(message: Message, { retain, identifier }: { readonly retain: boolean; readonly identifier: number | null }): void {
    const { version, packetBytesMax } = this.#agreement!;
    if (!message.isSendable) return this.#owner.counted("dropped");
    const now = this.#owner.clock.now();
    const bytes = message.packet({ version, qos: 0, retain, isRepeated: false, packet: 0, identifier }, now);
    if (bytes.length > packetBytesMax || (message.expiresAtMs !== null && message.expiresAtMs <= now)) return this.#owner.counted("dropped");
    this.#owner.counted("delivered");
    this.#send(bytes);
  }

  publish({ message, qos, retain, identifier, packet, isRepeated }: Flight): boolean {
    const { version, packetBytesMax } = this.#agreement!;
    const now = this.#owner.clock.now();
    if (!message.isSendable || (message.expiresAtMs !== null && message.expiresAtMs <= now)) return false;
    const bytes = message.packet({ version, qos, retain, isRepeated, packet, identifier }, now);
    if (bytes.length > packetBytesMax) return false;
    this.#owner.counted("delivered");
    this.#send(bytes);
    return true;
  }

  release(packet: number): void {
    this.#send(Buffer.from([0x62, 2, packet >> 8, packet & 255]));
  }

  #send(bytes: Uint8Array): void {
    if (this.#state !== "closed") this.#outbox.add(bytes);
  }

  #sendPacket(packet: Packet): void {
    const bytes = packetBytes(packet, this.#agreement?.version ?? 4);
    // Who says why must not say more than the client takes.
    if (bytes.length > (this.#agreement?.packetBytesMax ?? Number.POSITIVE_INFINITY) && "properties" in packet) return this.#sendPacket(withoutProperties(packet));
    this.#send(bytes);
  }

  #read(): void {
    try {
      while (!this.#mustWait()) {
        const packet = this.#reader.next();
        if (packet === null) break;
        this.#handle(packet);
      }
    } catch (error) {
      if (error instanceof PacketFault) return this.disconnect(error.isTooLarge ? REASON.packetTooLarge : REASON.malformed, error.message);
      return this.fail(error);
    }
    this.#throttle();
  }

  #mustWait(): boolean {
    if (this.#state === "closed" || this.#isBlocked) return true;
    const { connectionQueueBytes, answerBytes } = this.app.limits;
    if (this.#outbox.waiting > connectionQueueBytes + answerBytes) this.disconnect(REASON.quota, "the client does not read");
    return this.#incoming !== null && this.#incoming.running >= this.app.limits.mqttInflight;
  }

  #throttle(): void {
    if (this.#state === "closed") return;
    const wanted = this.#mustWait();
    if (wanted === this.#isPaused) return;
    this.#isPaused = wanted;
    if (wanted) this.#wire.pause();
    else this.#wire.resume();
  }

  /** What comes after waits until it is done. */
  #block(work: Promise<void>): void {
    this.#isBlocked = true;
    work.catch((error: unknown) => this.fail(error)).finally(() => {
      this.#isBlocked = false;
      this.#read();
    });
  }

  #handle(packet: Packet): void {
    if (packet.cmd === "connect") {
      if (this.#state !== "new") return this.disconnect(REASON.protocol, "a second CONNECT");
      this.#state = "entering";
      return this.#block(this.#connect(packet));
    }
    if (this.#state !== "open") return this.#close();
    const session = this.#session!;
    const messageId = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "publish": return this.#published(packet);
      case "puback": case "pubcomp": {
        const flight = session.outgoing.find(messageId);
        if (flight !== null && (packet.cmd === "puback") === (flight.qos === 1)) session.arrived(flight);
        return;
      }
      case "pubrec": return void this.#received(messageId, packet.reasonCode ?? 0).catch((error: unknown) => this.fail(error));
      case "pubrel": return void this.#released(messageId).catch((error: unknown) => this.fail(error));
      case "subscribe": return this.#block(this.#subscribe(packet));
      case "unsubscribe": return this.#block(this.#unsubscribe(packet));
      case "pingreq": return this.#send(PONG);
      case "disconnect": return this.#disconnected(packet);
      case "auth": case "connack": case "suback": case "unsuback": case "pingresp": return this.disconnect(REASON.protocol, `${packet.cmd} is not expected`);
      default: return unreachable(packet);
    }
  }

  async #connect(packet: ConnectPacket): Promise<void> {
    const { app: { limits } } = this;
    try {
      const agreement = agree(packet, limits, () => `auto-${this.#owner.nextId()}`);
      this.#reader.version = agreement.version;
      const { identity, token } = await identify(packet, this.app, this.#wire.address);
      if (this.#state === "closed") return;
      this.#agreement = agreement;
      this.#identity = identity;
      this.#token = token;
      const { session, isPresent, attach } = await this.#owner.enter(this, agreement, identity);
      if ((this.#state as string) === "closed") return this.#owner.left(this, session, null);
      this.#state = "open";
      this.#session = session;
      this.#will = agreement.will;
      this.#aliases = new TopicAliases(agreement.version === 5 ? limits.mqttTopicAliases : 0);
      this.#incoming = this.#createIncoming(session, agreement);
      this.#send(welcome(agreement, isPresent, limits));
      this.#expire(identity);
      this.#watch(agreement.keepAliveMs * PATIENCE);
      attach();
    } catch (error) {
      this.#refuse(error instanceof Refusal ? error : new Refusal(error instanceof AmbitError ? REASON.busy : REASON.unspecified, error instanceof AmbitError ? error.message : "unexpected fault"), packet);
      if (!(error instanceof Refusal) && !(error instanceof AmbitError)) throw error;
    }
  }

  #refuse(reason: Refusal, { protocolVersion }: ConnectPacket): void {
    this.#send(refusal(reason, protocolVersion === 5 ? 5 : 4));
    this.#close();
  }

  #createIncoming(session: Session, { version, explains, packetBytesMax }: Agreement): Incoming {
    return new Incoming({
      session, version, explains, packetBytesMax, log: this.#owner.log, clock: this.#owner.clock,
      requestId: () => this.#owner.nextId(),
      publish: (publication) => {
        this.#owner.counted("published");
        return this.app.publish({ ...publication, identity: this.identity, from: this.#sender, reply: (message) => { if (this.#state === "open") this.deliver(new Message(message), { retain: false, identifier: null }); } });
      },
      send: (bytes) => this.#send(bytes),
      refuse: (error) => this.disconnect(reasonOf(error), error.message),
      finished: () => { if (this.#isPaused && !this.#isBlocked) this.#read(); },
    });
  }

  #published(packet: PublishPacket): void {
    const { qos, messageId = 0, properties } = packet;
    const incoming = this.#incoming!;
    const topic = this.#aliases!.resolve(packet.topic, properties?.topicAlias);
    if (topic === null) return this.disconnect(REASON.topicAlias, "the topic alias is not known");
    if (topic === "" || /[+#\0\ufffd]/.test(topic)) return this.disconnect(REASON.topicInvalid, "a topic to publish on is a name");
    if ((qos > 0 && messageId < 1) || properties?.subscriptionIdentifier !== undefined) return this.disconnect(REASON.protocol, "a message with QoS has a packet id, and no subscription identifier");
    if (qos > 0 && this.#agreement!.version === 5 && incoming.unacknowledged >= this.app.limits.mqttInflight) return this.disconnect(REASON.receiveMaximum, "more messages than the receive maximum");
    incoming.take(packet, topic);
  }

  /** PUBREC: from now on it is the client's. */
  async #received(packet: number, reason: number): Promise<void> {
    const session = this.#session!;
    const flight = session.outgoing.find(packet);
    if (flight !== null && reason >= 0x80) return session.arrived(flight);
    if (flight !== null && flight.qos === 2 && !flight.isReleased) await session.released(flight);
    if (flight === null && this.#agreement!.version === 5) return this.#sendPacket({ cmd: "pubrel", messageId: packet, reasonCode: REASON.packetUnknown });
    this.release(packet);
  }

  /** PUBREL: the client is done with the packet id. One that is not known was forgotten before the process ended: its answer was lost. */
  async #released(packet: number): Promise<void> {
    const session = this.#session!;
    if (session.received.has(packet)) await session.forget(packet);
    this.#send(Buffer.from([0x70, 2, packet >> 8, packet & 255]));
  }

  async #subscribe({ messageId = 0, subscriptions, properties }: SubscribePacket): Promise<void> {
    const session = this.#session!;
    if (messageId < 1 || subscriptions.length === 0 || subscriptions.length > this.app.limits.mqttSubscriptions) return this.disconnect(REASON.protocol, "SUBSCRIBE has a packet id and at most limits.mqttSubscriptions filters");
    if (subscriptions.some(({ topic, nl }) => nl === true && topic.startsWith("$share/"))) return this.disconnect(REASON.protocol, "No Local is not for shared subscriptions");
    const granted: number[] = [];
    let why: string | null = null;
    for (const { topic, qos, nl = false, rap = false, rh = 0 } of subscriptions) {
      try {
        const filter = readFilter(topic);
        if (filter !== null) this.app.count?.(filter, this.#sender);
        granted.push(await session.subscribe(topic, { qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh, identifier: properties?.subscriptionIdentifier ?? null }));
      } catch (error) {
        if (!(error instanceof AmbitError)) throw error;
        this.app.refused?.(error, this.#sender);
        granted.push(this.#agreement!.version === 5 ? subscribeReason(error) : 0x80);
        why ??= explained(error);
      }
      if (this.#state === "closed") return;
    }
    this.#sendPacket({ cmd: "suback", messageId, granted, ...(why === null || this.#agreement!.version === 4 || !this.#agreement!.explains ? {} : { properties: { reasonString: why } }) });
    subscriptions.forEach(({ topic }, index) => { if (granted[index]! < 0x80) session.release(topic); });
  }

  async #unsubscribe({ messageId = 0, unsubscriptions }: UnsubscribePacket): Promise<void> {
    if (messageId < 1 || unsubscriptions.length === 0 || unsubscriptions.length > this.app.limits.mqttSubscriptions) return this.disconnect(REASON.protocol, "UNSUBSCRIBE has a packet id and at most limits.mqttSubscriptions filters");
    const granted: number[] = [];
    for (const filter of unsubscriptions) granted.push(await this.#session!.unsubscribe(filter) ? REASON.success : REASON.noSubscription);
    this.#sendPacket({ cmd: "unsuback", messageId, granted });
  }

  #disconnected({ reasonCode = 0, properties }: DisconnectPacket): void {
    const seconds = properties?.sessionExpiryInterval;
    if (seconds !== undefined) {
      if (seconds > 0 && this.#agreement!.expiryMs === 0) return this.disconnect(REASON.protocol, "the session was to end with its connection");
      this.#session!.expiryMs = Math.min(seconds * 1_000, this.app.limits.mqttSessionMs);
    }
    if (reasonCode !== REASON.withWill) this.#will = null;
    this.#close();
  }

  async #renewed(): Promise<void> {
    try {
      const identity = await this.app.authenticator.authenticate(this.#token, this.#wire.address);
      this.#isRenewing = false;
      if (this.#state !== "open") return;
      // Within its tenant the administrator stays.
      this.#identity = identity.kind === "administrator" && this.#identity?.kind === "administrator" ? this.#identity : identity;
      this.#expire(identity);
      await this.#session!.identify(this.#identity);
      if ((this.#state as string) === "open") this.#session!.resume();
    } catch (error) {
      this.#isRenewing = false;
      this.fail(error);
    }
  }

  #expire(identity: Identity): void {
    this.#cancelExpiry();
    this.#cancelExpiry = watchIdentity(this.#owner.clock, identity, { expired: () => this.disconnect(REASON.notAuthorized, "the token has ended"), over: () => this.renew() });
  }

  #watch(silenceMs: number): void {
    this.#cancelTimer();
    if (silenceMs === 0) return;
    const { clock } = this.#owner;
    const again = (): void => {
      const leftMs = this.#heardMs + silenceMs - clock.now();
      if (leftMs <= 0) this.disconnect(REASON.keepAlive, "nothing was heard");
      else this.#cancelTimer = clock.schedule(leftMs, again);
    };
    again();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#outbox.flush();
    this.#end();
    this.#wire.close();
  }

  #end(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    this.#cancelTimer();
    this.#cancelExpiry();
    const will = this.#will;
    this.#will = null;
    this.#owner.left(this, wasOpen ? this.#session : null, will === null ? null : { will, identity: this.identity });
  }
}

const PONG = Buffer.from([0xd0, 0]);

function withoutProperties(packet: Packet): Packet {
  const { properties: _, ...others } = packet as Packet & { properties?: unknown };
  return others as Packet;
}

function explained({ message, extras }: { readonly message: string; readonly extras: ErrorExtras }): string {
  return extras.fix === undefined ? message : `${message} ${extras.fix}`;
}
