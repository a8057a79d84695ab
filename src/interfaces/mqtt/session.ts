// What the broker knows of one client beyond its connection: subscriptions, messages under way in both directions. One that is to be found
// again stands in the data file, too, and every change of it is durable before the client is told.
import { AmbitError, fault } from "../../base/error.ts";
import type { Identity } from "../../access/identity.ts";
import type { MessageRow, MqttSessions, SessionChange, SessionRows, SubscriptionRow } from "../../resources/mqtt-sessions.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import type { ChannelMessage } from "../../resources/channel-frame.ts";
import type { KeptFilter } from "./channel-keeper.ts";
import type { Message } from "./message.ts";
import { Outgoing, type Flight, type OutgoingWire } from "./outgoing.ts";
import { SessionShares } from "./session-shares.ts";
import type { SharedReceiver } from "./shared-group.ts";
import type { SharedGroups } from "./shared-groups.ts";
import { flightOf, rowOf } from "./stored-message.ts";
import { Subscription, type SubscriptionOptions, type SubscriptionOwner } from "./subscription.ts";
import type { MqttApp, TopicSource } from "./topic-source.ts";
import { readFilter } from "./topics.ts";

/** The connection that a session has just now. */
export interface SessionConnection extends OutgoingWire {
  readonly app: MqttApp;
  readonly identity: Identity;
  /** Messages that the client takes before it acknowledges one. */
  readonly window: number;
  /** So much waits in its socket. */
  readonly waitingBytes: number;
  readonly version: 4 | 5;
  deliver(message: Message, how: { readonly retain: boolean; readonly identifier: number | null }): void;
  deliverBytes(bytes: Uint8Array, count: number): boolean;
  /** Ends it for what happened to its session. */
  fail(error: unknown): void;
  /** Another app serves. */
  renew(): void;
}

export interface SessionOptions {
  readonly name: string;
  readonly client: string;
  readonly store: MqttSessions;
  readonly groups: SharedGroups;
  /** Its positions are to be stored soon. */
  readonly onMoved: (session: Session) => void;
  /** Its filters, or who follows them, are others now. */
  readonly onChanged: (session: Session) => void;
  readonly onDropped: () => void;
}

const OWN_MAX = 1_000;
/** Messages whose commit is under way. */
const KEPT_MAX = 20_000;

export class Session implements SubscriptionOwner, SharedReceiver {
  readonly name: string;
  readonly client: string;
  /** It outlives its connection for so long. */
  expiryMs = 0;
  readonly outgoing = new Outgoing({ expired: (flight) => this.#removed(flight) });
  /** Names it in what it publishes. */
  readonly self: object = {};
  #identity: Identity | null = null;
  /** What the client's rights come from. */
  #rights: string | null = null;
  /** Packet ids of QoS 2 messages of the client that were carried out. */
  readonly received = new Set<number>();
  /** Those that are being carried out, also over a connection that has ended since. */
  readonly underWay = new Map<number, Promise<void>>();
  readonly #options: SessionOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #shares: SessionShares;
  /** Topics by the positions at which its client wrote them. */
  readonly #own = new Map<string, string>();
  /** Of messages of channels that are being stored: their packet ids, and what they are when they are told. */
  readonly #kept = new Map<ChannelMessage, { readonly packet: number; flight: Flight | null }>();
  readonly #moved = new Set<Subscription>();
  #connection: SessionConnection | null = null;
  #generation = 0;
  /** How often its rights have changed. */
  #judgements = 0;
  #sentStored: ReadonlySet<number> = new Set();
  #isRestored = false;
  #isUnparking = false;
  #hasParked = false;
  #isBroken = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.name = options.name;
    this.client = options.client;
    this.#shares = new SessionShares(this, options.groups);
  }

  /** Who its client is, or was. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** The same as it is stored. */
  get standing(): string {
    return JSON.stringify({ ...this.#identity, lease: undefined, rights: this.#rights });
  }

  /** As it was stored. */
  recall(standing: string): void {
    const { rights, ...identity } = JSON.parse(standing) as Identity & { readonly rights: string };
    this.#identity = identity;
    this.#rights = rights;
  }

  /** Who its client is from now on. True: with other rights than before. */
  become(identity: Identity, { version }: MqttApp): boolean {
    const before = this.#rights;
    this.#identity = identity;
    this.#rights = `${identity.key} ${version}`;
    return before !== this.#rights;
  }

  get connection(): SessionConnection | null {
    return this.#connection;
  }

  get subscriptions(): number {
    return this.#subscriptions.size + this.#shares.size;
  }

  /** What is in memory says more than what is stored: only the latter counts. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  get isStored(): boolean {
    return this.expiryMs > 0;
  }

  /** Whose it is from now on; `attach` follows. What is stored until then does not take the packet ids of `rows`. */
  claim(connection: SessionConnection, rows: SessionRows | null): void {
    this.#connection = connection;
    this.#reserve(rows);
  }

  /** With what stands in the data file, of a session that is stored. `isOther`: its client has other rights than when it was last here. */
  attach(connection: SessionConnection, rows: SessionRows | null, isOther: boolean): void {
    this.#generation++;
    this.#connection = connection;
    if (isOther) {
      this.outgoing.clear();
      this.#reserve(rows);
      for (const subscription of this.#subscriptions.values()) subscription.restart();
    }
    if (rows !== null) this.#restore({ ...rows, messages: this.#stillVisible(rows.messages, connection, isOther) });
    this.outgoing.attach(connection, connection.window);
    this.resume();
    // Stored since the session began, and told before it was followed.
    const { store } = this.#options;
    this.fly([...this.#kept.values()].flatMap(({ flight }) => (flight !== null && store.holds(this.name, flight.packet) ? [flight] : [])));
  }

  /** As it stands in the data file, after a start. */
  restore(subscriptions: readonly SubscriptionRow[]): void {
    for (const { filter, options, positions } of subscriptions) {
      if (isShared(filter)) {
        this.#shares.restore(filter, JSON.parse(options) as SubscriptionOptions);
        continue;
      }
      this.#subscriptions.set(filter, new Subscription(filter, JSON.parse(options) as SubscriptionOptions, this, JSON.parse(positions) as Record<string, string>));
    }
    this.#isRestored = true;
  }

  /** After a start: with its groups, of which its client is away. */
  joinAway(): void {
    if (this.identity !== null) this.#shares.joinAway(this.identity);
  }

  /** Who its client is to the app that serves now. With other rights it is not sent what it may no longer see, and is told records anew; `resume` follows. */
  async identify(identity: Identity): Promise<void> {
    const { app } = this.#connection!;
    const isOther = this.become(identity, app);
    if (isOther) {
      this.#judgements++;
      for (const subscription of this.#subscriptions.values()) subscription.restart();
      this.outgoing.sift(({ message, isShared }) => isShared === true || app.isKeptVisible(message, identity, true));
    }
    this.outgoing.goOn();
    if (!isOther || !this.isStored) return;
    this.#options.onChanged(this);
    await this.#change([{ kind: "identity", identity: this.standing }]);
  }

  filters(): KeptFilter[] {
    return [...this.#subscriptions.values()].flatMap(({ filter, options: { qos, noLocal, identifier } }) => {
      const parsed = readFilter(filter);
      return parsed === null ? [] : [{ filter: parsed, qos, noLocal, identifier }];
    });
  }

  detach(): void {
    this.#generation++;
    this.#connection = null;
    this.#shares.detach();
    this.#sentStored = this.outgoing.detach();
    this.#kept.clear();
    this.#options.onChanged(this);
    for (const subscription of this.#subscriptions.values()) subscription.pause();
  }

  /** For good. */
  end(): void {
    this.detach();
    for (const subscription of this.#subscriptions.values()) subscription.stop();
    this.#subscriptions.clear();
    this.#shares.end();
  }

  /** Goes on with all subscriptions where they were, in the app that serves now. */
  resume(): void {
    for (const subscription of this.#subscriptions.values()) {
      try {
        subscription.begin(this.#sources(subscription.filter), subscription.options.retainHandling === 2);
      } catch (error) {
        if (!(error instanceof AmbitError) || error.status >= 500) return this.fail(error);
        // The client may not follow it any more; perhaps again, when its rights change.
        subscription.begin([], false);
      }
      subscription.release();
    }
    this.#shares.resume(this.#connection!.identity, (filter) => this.#sources(filter));
  }

  /** Resolves to the granted QoS. Rejects with what refuses it; then it is as if it had not been asked for. */
  async subscribe(filter: string, options: SubscriptionOptions): Promise<0 | 1 | 2> {
    const { app } = this.#connection!;
    const before = this.#subscriptions.get(filter);
    if (before === undefined && !this.#shares.has(filter) && this.subscriptions >= app.limits.mqttSubscriptions) throw fault("OVERLOADED", "One client has at most limits.mqttSubscriptions filters.");
    const sources = this.#sources(filter);
    if (sources.length === 0) throw fault("NOT_FOUND", "No table or channel has such topics.");
    if (isShared(filter)) return await this.#share(filter, options, sources);
    const subscription = new Subscription(filter, options, this);
    if (before !== undefined) for (const source of sources) if (source.kind === "channel") source.tellNow();
    try {
      const skipsFirst = options.retainHandling === 2 || (options.retainHandling === 1 && before !== undefined);
      const count = subscription.begin(sources, skipsFirst);
      if (!skipsFirst && count > app.limits.retainedMatches) throw fault("TOO_MANY_ROWS", "The filter matches more than limits.retainedMatches records.", { fix: "Follow fewer records." });
    } catch (error) {
      subscription.stop();
      throw error;
    }
    // In one turn: nothing is told by both of them, or by none.
    if (before !== undefined) subscription.replace(before);
    this.#subscriptions.set(filter, subscription);
    try {
      if (this.isStored) await this.#change([{ kind: "subscribe", subscription: { filter, options: JSON.stringify(options), positions: subscription.positions() } }]);
    } catch (error) {
      this.#isBroken = true;
      this.fail(error);
      throw error;
    }
    this.#options.onChanged(this);
    return options.qos;
  }

  /** After the client was told of it. */
  release(filter: string): void {
    this.#subscriptions.get(filter)?.release();
    this.#shares.release(filter);
  }

  /** False: there was none. */
  async unsubscribe(filter: string): Promise<boolean> {
    const subscription = this.#subscriptions.get(filter);
    if (subscription === undefined && !this.#shares.unsubscribe(filter)) return false;
    subscription?.stop();
    this.#subscriptions.delete(filter);
    this.#options.onChanged(this);
    if (this.isStored) await this.#change([{ kind: "unsubscribe", filter }]);
    return true;
  }

  /** Positions that have moved since they were last asked for. */
  takeMoves(): readonly SessionChange[] {
    const moves = [...this.#moved].filter((subscription) => this.#subscriptions.get(subscription.filter) === subscription)
      .map((subscription): SessionChange => ({ kind: "move", filter: subscription.filter, positions: subscription.positions() }));
    this.#moved.clear();
    return this.#isBroken ? [] : moves;
  }

  /** All of them. */
  positions(): { readonly filter: string; readonly positions: string }[] {
    return this.#isBroken ? [] : [...this.#subscriptions.values()].map((subscription) => ({ filter: subscription.filter, positions: subscription.positions() }));
  }

  /** The client acknowledged a message of QoS 1, or for the second time one of QoS 2, or refused it. */
  arrived(flight: Flight): void {
    this.outgoing.finish(flight);
    if (flight.isStored) this.#removed(flight);
    this.roomMade();
  }

  #removed({ packet }: Flight): void {
    this.#remove([packet]).catch((error: unknown) => this.fail(error));
  }

  /** Until that is durable their ids are not given again: a message that is stored just now would meet them in the data file. */
  async #remove(packets: readonly number[]): Promise<void> {
    const generation = this.#generation;
    await this.#change(packets.map((packet) => ({ kind: "remove", packet })));
    if (this.#generation === generation) for (const packet of packets) this.outgoing.freePacket(packet);
  }

  #reserve(rows: SessionRows | null): void {
    this.outgoing.reserve((rows?.messages ?? []).flatMap(({ packet }) => (packet === null ? [] : [packet])));
  }

  /** The client has a message of QoS 2. Resolves when that is durable: only then it may forget the packet id. */
  async released(flight: Flight): Promise<void> {
    if (flight.isStored) await this.#change([{ kind: "release", packet: flight.packet }]);
    flight.isReleased = true;
  }

  /** A message of QoS 2 was carried out. Resolves when that is durable. `isStored`: it is already. */
  async receive(packet: number, isStored: boolean): Promise<void> {
    this.received.add(packet);
    if (this.isStored && !isStored) await this.#change([{ kind: "receive", packet }]);
  }

  /** In the commit of what it does. */
  storeReceived(packet: number, writes: WriteSession): void {
    if (this.isStored) this.#options.store.receiveIn(writes, this.name, packet);
  }

  /** The client forgets the packet id, and so do we. */
  async forget(packet: number): Promise<void> {
    if (this.isStored) await this.#change([{ kind: "forget", packet }]);
    this.received.delete(packet);
  }

  noteOwn(position: number, topic: string): void {
    if (this.#own.size >= OWN_MAX) this.#own.delete(this.#own.keys().next().value!);
    this.#own.set(String(position), topic);
  }

  /** There is room again: who was let go goes on. */
  roomMade(): void {
    if (this.#connection !== null) this.#shares.roomMade();
    if (!this.#hasParked || this.#isUnparking || this.#connection === null || this.#queued() > this.#queueBytes() / 2) return;
    this.#hasParked = false;
    const parked = [...this.#subscriptions.values()].filter(({ isParked }) => isParked);
    this.#isUnparking = true;
    queueMicrotask(() => {
      this.#isUnparking = false;
      try {
        for (const subscription of parked) {
          if (this.#connection === null) return;
          if (this.isFull()) this.#hasParked = true;
          else subscription.unpark();
        }
      } catch (error) {
        this.fail(error);
      }
    });
  }

  parked(): void {
    this.#hasParked = true;
  }

  get hasWindow(): boolean {
    return this.#connection !== null && !this.outgoing.isHeld && this.outgoing.length < this.#connection.window;
  }

  isFull(): boolean {
    return this.#queued() > this.#queueBytes();
  }

  deliver(message: Message, how: { readonly retain: boolean; readonly identifier: number | null }): void {
    this.#connection?.deliver(message, how);
  }

  deliverBytes(bytes: Uint8Array, count: number): boolean {
    return this.#connection?.deliverBytes(bytes, count) ?? true;
  }

  get version(): 4 | 5 {
    return this.#connection?.version ?? 4;
  }

  dropped(): void {
    this.#options.onDropped();
  }

  /** The packet id of a message that is about to be stored, the same if its commit runs again; null: there is none left, or nobody there. */
  nameKept(message: ChannelMessage): number | null {
    const known = this.#kept.get(message);
    if (known !== undefined) return known.packet;
    // Commits that failed left theirs behind.
    if (this.#kept.size >= KEPT_MAX) {
      const [oldest, { packet }] = this.#kept.entries().next().value!;
      this.#kept.delete(oldest);
      this.outgoing.freePacket(packet);
    }
    const packet = this.#connection === null ? null : this.outgoing.takePacket();
    if (packet !== null) this.#kept.set(message, { packet, flight: null });
    return packet;
  }

  noteKept(message: ChannelMessage, flight: Flight): void {
    const known = this.#kept.get(message);
    if (known !== undefined) known.flight = flight;
  }

  get takeKept(): SubscriptionOwner["takeKept"] {
    if (!this.isStored) return null;
    return (message) => {
      const known = this.#kept.get(message);
      if (known === undefined || known.flight === null) return undefined;
      this.#kept.delete(message);
      return known.flight;
    };
  }

  fly(flights: readonly Flight[]): void {
    for (const flight of flights) this.outgoing.add(flight);
    this.outgoing.pump();
  }

  get keep(): SubscriptionOwner["keep"] {
    return this.isStored ? (subscription, flights, kept) => this.#keep(subscription, flights, kept) : null;
  }

  moved(subscription: Subscription): void {
    if (!this.isStored) return;
    this.#moved.add(subscription);
    this.#options.onMoved(this);
  }

  /** `position`: epoch, partition and number, and the query's mark. */
  ownTopic(position: string): string | null {
    return this.#own.size === 0 ? null : this.#own.get(position.split(".")[2] ?? "") ?? null;
  }

  renew(): void {
    this.#connection?.renew();
  }

  fail(error: unknown): void {
    this.#connection?.fail(error);
  }

  #queued(): number {
    return (this.#connection?.waitingBytes ?? 0) + this.outgoing.bytes;
  }

  #queueBytes(): number {
    return this.#connection?.app.limits.connectionQueueBytes ?? 0;
  }

  #sources(filter: string): readonly TopicSource[] {
    const { app, identity } = this.#connection!;
    const asked = readFilter(filter);
    return asked === null ? [] : app.sources(asked, identity);
  }

  /** At most QoS 1: what one member did not acknowledge goes to another, who may have it, too. */
  async #share(filter: string, options: SubscriptionOptions, sources: readonly TopicSource[]): Promise<0 | 1> {
    const qos = options.qos === 0 ? 0 : 1;
    const shared: SubscriptionOptions = { ...options, qos };
    await this.#shares.subscribe(filter, {
      options: shared, identity: this.#connection!.identity, sources,
      store: async () => { if (this.isStored) await this.#change([{ kind: "subscribe", subscription: { filter, options: JSON.stringify(shared), positions: "{}" } }]); },
    });
    return qos;
  }

  #change(changes: readonly SessionChange[]): Promise<void> {
    return this.#options.store.change(this.name, changes);
  }

  #keep(subscription: Subscription, flights: readonly Flight[], kept: () => void): void {
    const moment = { generation: this.#generation, judgements: this.#judgements };
    const changes: SessionChange[] = [];
    for (const flight of flights) {
      const packet = this.outgoing.takePacket();
      if (packet === null) return this.fail(fault("OVERLOADED", "Too many messages wait for this client."));
      flight.packet = packet;
      changes.push({ kind: "message", message: rowOf(flight) });
    }
    // In the order of commits: what is acknowledged by then is what these messages bring it to.
    kept();
    changes.push({ kind: "move", filter: subscription.filter, positions: subscription.positions() });
    void this.#fly(this.#change(changes), flights, moment);
  }

  async #fly(stored: Promise<void>, flights: readonly Flight[], { generation, judgements }: { readonly generation: number; readonly judgements: number }): Promise<void> {
    try {
      await stored;
      if (this.#generation !== generation) return;
      if (this.#judgements === judgements) return this.fly(flights);
      // Told anew meanwhile, under other rights.
      for (const flight of flights) this.#removed(flight);
    } catch (error) {
      this.#isBroken = true;
      this.fail(error);
    }
  }

  /** What the client may still be told. All else goes. */
  #stillVisible(messages: SessionRows["messages"], { app, identity }: SessionConnection, isOther: boolean): SessionRows["messages"] {
    const [visible, hidden] = [[] as MessageRow[], [] as number[]];
    for (const message of messages) {
      if (message.isReleased || app.isKeptVisible(message, identity, isOther)) visible.push(message);
      else if (message.packet !== null) hidden.push(message.packet);
    }
    if (hidden.length > 0) this.#remove(hidden).catch((error: unknown) => this.fail(error));
    return visible;
  }

  #restore({ messages, received }: SessionRows): void {
    // Nobody knows which of them were sent before the process ended.
    const sent = this.#isRestored ? new Set(messages.map(({ packet }) => packet)) : this.#sentStored;
    this.#isRestored = false;
    this.received.clear();
    for (const packet of received) this.received.add(packet);
    for (const row of messages) if (row.packet !== null) this.outgoing.add(flightOf(row, row.packet, sent.has(row.packet)));
  }
}

function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}
