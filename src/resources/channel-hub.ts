// All subscriptions of channels. Subscribers of a topic to whom a rule tells the same are one group: a message is judged once for it and
// encoded once for everybody. What is published within a turn of the event loop is delivered at its end. Nothing here is stored.
import type { Rights } from "../access/rights.ts";
import type { AmbitError } from "../base/error.ts";
import { fault } from "../base/error.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { uuidv7 } from "../base/random.ts";
import type { Json, RecordValues, Value } from "../base/value.ts";
import { evaluate, isTrue } from "../expression/evaluate.ts";
import type { Expression } from "../expression/expression.ts";
import { partsOf } from "../expression/inspect.ts";
import type { Channel } from "../schema/catalog.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import { messageTable } from "../schema/message-table.ts";
import { tableModel, type TableModel } from "../tables/table-model.ts";
import { invalid } from "../tables/input-issue.ts";
import { recordShape, type RecordShape } from "../tables/record-text.ts";
import type { WriteSession } from "../tables/write-session.ts";
import { incident } from "./app-fault.ts";
import type { ChannelMessage, ChannelSink, ChannelSubscription, MessageFrame } from "./channel-frame.ts";
import type { Sender } from "../access/sender.ts";
import type { UsageLimits } from "./usage-limits.ts";
import type { DispatchParts } from "./dispatch-parts.ts";
import type { LiveFrame, ResetReason } from "./live-frame.ts";
import { PresenceRoom, type Watcher } from "./presence-room.ts";
import { environmentOf, topicVerdict } from "./topic-verdict.ts";
import type { Effect } from "./work.ts";

export interface ChannelRequest {
  readonly channel: Channel;
  /** Null: all topics of the channel; then there is no presence. */
  readonly key: Value | null;
  /** The subscriber was here before, and may have missed messages: it is told so. */
  readonly resumed: boolean;
  /** Whose entry presence shows, the same object for all subscriptions of a connection; null: none. */
  readonly connection: object | null;
  /** Absent: nobody is counted for it. */
  readonly from?: Sender;
}

/** Stores messages for who is not there, in the commit with which they are published. */
export interface MessageKeeper {
  wants(message: ChannelMessage): boolean;
  /** Synchronous; runs again where the commit does. What it throws refuses the publishing. */
  store(session: WriteSession, message: ChannelMessage): void;
}

/** How messages of a channel are read and written. */
export interface MessageShape { readonly channel: Channel; readonly model: TableModel; readonly text: RecordShape }

interface Subscriber {
  readonly sink: ChannelSink;
  /** Messages of the group that wait already, and are older. */
  from: number;
  /** It is told no more. */
  leave(): void;
}

interface Group {
  readonly name: string;
  /** Null: all messages. */
  readonly rule: { readonly expression: Expression; readonly auth: Rights["auth"] } | null;
  readonly subscribers: Set<Subscriber>;
  waiting: ChannelMessage[];
}

interface Topic {
  readonly name: string;
  readonly groups: Map<string, Group>;
  /** Null: without presence. */
  readonly room: PresenceRoom | null;
}

export interface ChannelStats {
  readonly subscriptions: number;
  readonly topics: number;
  readonly publishedTotal: number;
  readonly deliveredTotal: number;
}

/** A connection has one name, also at what a reload puts in place. */
const connectionNames = new WeakMap<object, string>();
/** The variables of `auth` that a rule reads. */
const variablesRead = new WeakMap<Expression, readonly Expression[]>();

export class ChannelHub {
  readonly #parts: DispatchParts;
  readonly #shapes = new Map<string, MessageShape>();
  readonly #topics = new Map<string, Topic>();
  readonly #keepers = new Set<MessageKeeper>();
  readonly #atTurnEnd: (flush: () => void) => void;
  readonly #mark: string;
  #dirty: Group[] = [];
  #rooms = new Set<PresenceRoom>();
  #isScheduled = false;
  #waitingBytes = 0;
  #position = 0;
  #subscriptions = 0;
  #published = 0;
  #delivered = 0;
  #next: ChannelHub | null = null;
  readonly #limiting: UsageLimits | null;
  #isClosed = false;

  constructor(parts: DispatchParts, limiting: UsageLimits | null = null) {
    this.#parts = parts;
    this.#limiting = limiting;
    this.#atTurnEnd = parts.atTurnEnd ?? setImmediate;
    this.#mark = uuidv7(parts.clock, parts.random);
    const { catalog, book } = parts;
    for (const channel of catalog.channels.values()) {
      const table = messageTable(channel);
      const text = recordShape({ table, fields: [...channel.fields.keys()], open: false, catalog, book });
      this.#shapes.set(channel.name, { channel, model: tableModel(table, catalog, book), text: text! });
    }
  }

  stats(): ChannelStats {
    return { subscriptions: this.#subscriptions, topics: this.#topics.size, publishedTotal: this.#published, deliveredTotal: this.#delivered };
  }

  /** By the type's name. */
  shape(channel: string): MessageShape | undefined {
    return this.#shapes.get(channel);
  }

  /**
   * The first frames come before this returns, but with presence the snapshot at the end of the turn. Throws UNAUTHENTICATED or FORBIDDEN
   * where no message of the topic could ever be told to the caller, OVERLOADED.
   */
  subscribe(request: ChannelRequest, rights: Rights, sink: ChannelSink, reset: ResetReason | null = null): ChannelSubscription {
    if (this.#isClosed) throw fault("UNAVAILABLE", "The app is being replaced.", { retryAfterS: 1 });
    const { limits } = this.#parts;
    if (this.#subscriptions >= limits.channelSubscriptions) throw fault("OVERLOADED", "Too many topics are followed.", { retryAfterS: 1 });
    const rule = this.#ruleFor(request, rights);
    if (reset === null) this.#limiting?.follow({ channel: request.channel.name }, request.from);
    const topic = this.#topic(request);
    const group = this.#group(topic, rule, rights);
    const subscriber: Subscriber = { sink, from: group.waiting.length, leave: () => {} };
    const { connection } = request;
    const room = connection === null ? null : topic.room;
    if (room !== null && room.size >= limits.presenceEntries && !room.has(connection!)) {
      this.#tidy(topic, group);
      throw fault("OVERLOADED", `More than ${limits.presenceEntries} connections are on this topic.`);
    }
    group.subscribers.add(subscriber);
    this.#subscriptions++;
    const watcher: Watcher = { sink, isNew: true };
    if (reset !== null) sink.take({ op: "reset", reason: reset });
    else if (request.resumed) sink.take({ op: "gap" });
    if (topic.room === null) sink.take(this.#snapshot("[]"));
    else {
      topic.room.watch(watcher);
      if (room !== null) room.enter(connection!, { id: this.#nameOf(connection!), subject: rights.auth["subject"] as string | null });
      this.#news(topic.room);
    }
    let isOver = false;
    const close = subscriber.leave = (): void => {
      if (isOver || this.#isClosed) return;
      isOver = true;
      this.#subscriptions--;
      group.subscribers.delete(subscriber);
      topic.room?.leave(watcher);
      if (room !== null) {
        room.exit(connection!);
        this.#news(room);
      }
      this.#tidy(topic, group);
    };
    return {
      topic: exportedName(request),
      snapshot: () => {
        if (isOver) return;
        if (topic.room === null) return sink.take(this.#snapshot("[]"));
        watcher.isNew = true;
        this.#news(topic.room);
      },
      setPresence: (state) => {
        if (isOver || room === null) throw fault("VALIDATION_FAILED", `${request.channel.name} shows no presence of this subscription.`, { fix: "Declare @channel(presence: true), and subscribe to one topic." });
        const text = room.update(connection!, this.#stateOf(state));
        this.#news(room);
        return text;
      },
      close,
    };
  }

  /** What publishing does: it is told at the end of the turn, and stored before for those who asked for it. */
  effectOf(message: ChannelMessage): Effect {
    const tell = (): void => this.publish(message);
    if (this.#keepers.size === 0) return { tell };
    const keepers = [...this.#keepers].filter((keeper) => keeper.wants(message));
    return keepers.length === 0 ? { tell } : { tell, store: (session) => { for (const keeper of keepers) keeper.store(session, message); } };
  }

  /** To all who are there. Permitted before. Never throws. */
  publish(message: ChannelMessage): void {
    // What was under way at a reload is told by what serves by then.
    if (this.#next !== null) return this.#next.publish(message);
    this.#published++;
    this.#offer(this.#topics.get(message.channel), message);
    this.#offer(this.#topics.get(topicName(message.channel, message.key)), message);
    if (this.#waitingBytes > this.#parts.limits.connectionQueueBytes) this.#flush();
  }

  /** Whether this caller may be told the message. */
  isVisible(message: ChannelMessage, rights: Rights): boolean {
    const { subscribe } = rights.channel(message.channel);
    return typeof subscribe === "boolean" ? subscribe : this.#holds(subscribe, rights.auth, message);
  }

  /** The same of its text, as it was kept for somebody. */
  isTextVisible({ channel, text }: { readonly channel: string; readonly text: string }, rights: Rights): boolean {
    const { subscribe } = rights.channel(channel);
    const shape = this.#shapes.get(channel);
    if (typeof subscribe === "boolean" || shape === undefined) return subscribe === true && shape !== undefined;
    const values = readKept(shape, text, this.#parts);
    return values !== null && isTrue(subscribe, environmentOf(rights.auth, values, this.#now()), this.#parts.book);
  }

  /** From now on; the answer ends it. Another hub after a reload is to be asked again. */
  onStore(keeper: MessageKeeper): () => void {
    this.#keepers.add(keeper);
    return () => { this.#keepers.delete(keeper); };
  }

  /** What was said in this turn so far is told at once: for a subscriber that gives its place to another. */
  tellNow(): void {
    this.#flush();
  }

  /** Everybody subscribes at `next`, which also tells what is still published here. Null: the end. */
  close(next: ChannelHub | null): void {
    this.#flush();
    this.#isClosed = true;
    this.#next = next;
    const sinks = [...this.#topics.values()].flatMap((topic) => [...topic.groups.values()].flatMap((group) => [...group.subscribers].map(({ sink }) => sink)));
    this.#topics.clear();
    this.#subscriptions = 0;
    for (const sink of sinks) sink.renew();
  }

  #ruleFor({ channel, key }: ChannelRequest, rights: Rights): Expression | null {
    rights.requireChannel(channel.name, "SUBSCRIBE");
    const { subscribe } = rights.channel(channel.name);
    const verdict = topicVerdict(subscribe, {
      auth: rights.auth, key: key === null ? null : { field: channel.key, value: key }, now: this.#now(), book: this.#parts.book,
    });
    if (verdict === "never") throw rights.channelRefusal(channel.name, "SUBSCRIBE");
    return verdict === "always" ? null : subscribe as Expression;
  }

  #topic({ channel, key }: ChannelRequest): Topic {
    const name = key === null ? channel.name : topicName(channel.name, key);
    let topic = this.#topics.get(name);
    if (topic === undefined) this.#topics.set(name, topic = { name, groups: new Map(), room: channel.presence && key !== null ? new PresenceRoom() : null });
    return topic;
  }

  #group(topic: Topic, expression: Expression | null, rights: Rights): Group {
    const name = expression === null ? "" : this.#audienceOf(expression, rights);
    let group = topic.groups.get(name);
    if (group === undefined) topic.groups.set(name, group = { name, rule: expression === null ? null : { expression, auth: rights.auth }, subscribers: new Set(), waiting: [] });
    return group;
  }

  /** Equal for those for whom the rule says the same of every message. */
  #audienceOf(expression: Expression, rights: Rights): string {
    let variables = variablesRead.get(expression);
    if (variables === undefined) variablesRead.set(expression, variables = variablesIn(expression));
    const environment = environmentOf(rights.auth, {}, this.#now());
    return `${rights.roleKey} ${JSON.stringify(variables.map((variable) => evaluate(variable, environment, this.#parts.book)))}`;
  }

  #tidy(topic: Topic, group: Group): void {
    if (group.subscribers.size > 0) return;
    topic.groups.delete(group.name);
    if (topic.groups.size === 0 && this.#topics.get(topic.name) === topic) this.#topics.delete(topic.name);
  }

  #offer(topic: Topic | undefined, message: ChannelMessage): void {
    if (topic === undefined) return;
    for (const group of topic.groups.values()) {
      if (group.rule !== null && !this.#holds(group.rule.expression, group.rule.auth, message)) continue;
      if (group.waiting.length === 0) this.#dirty.push(group);
      group.waiting.push(message);
      this.#waitingBytes += message.text.length;
      this.#schedule();
    }
  }

  #holds(expression: Expression, auth: Rights["auth"], { values }: ChannelMessage): boolean {
    return isTrue(expression, environmentOf(auth, values, this.#now()), this.#parts.book);
  }

  #news(room: PresenceRoom): void {
    this.#rooms.add(room);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#atTurnEnd(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Who is there first: a message is about those who are. */
  #flush(): void {
    const rooms = this.#rooms;
    const groups = this.#dirty;
    this.#rooms = new Set();
    this.#dirty = [];
    this.#waitingBytes = 0;
    for (const room of rooms) room.tell((frame) => (frame.op === "snapshot" ? this.#snapshot(frame.rows) : { ...frame, ...this.#place() }));
    for (const group of groups) this.#deliver(group);
  }

  #deliver(group: Group): void {
    const messages = group.waiting;
    group.waiting = [];
    const frame: MessageFrame = { op: "message", messages };
    this.#delivered += messages.length * group.subscribers.size;
    for (const subscriber of group.subscribers) {
      if (subscriber.from === 0) this.#give(subscriber, frame);
      else {
        // It came in the midst of the turn.
        if (subscriber.from < messages.length) this.#give(subscriber, { op: "message", messages: messages.slice(subscriber.from) });
        subscriber.from = 0;
      }
    }
  }

  /** What goes wrong there is nobody else's affair. */
  #give(subscriber: Subscriber, frame: MessageFrame): void {
    try {
      subscriber.sink.take(frame);
    } catch (thrown) {
      subscriber.leave();
      subscriber.sink.fail(incident("INTERNAL", "The topic can no longer be followed.", { requestId: "live", body: `follow ${frame.messages[0]!.channel}`, thrown }, this.#parts));
    }
  }

  #snapshot(rows: string): LiveFrame {
    return { op: "snapshot", rows, ...this.#place() };
  }

  /** Opaque: nobody goes on from there, but who names one has been here before. */
  #place(): { readonly at: number; readonly position: string } {
    const at = ++this.#position;
    return { at, position: `${this.#mark}.${at}` };
  }

  #nameOf(connection: object): string {
    let name = connectionNames.get(connection);
    if (name === undefined) connectionNames.set(connection, name = uuidv7(this.#parts.clock, this.#parts.random));
    return name;
  }

  #stateOf(raw: unknown): Json {
    const { catalog, limits } = this.#parts;
    const issues: Issue[] = [];
    const state = coerceValue(raw, { type: ANY, limits: noLimits }, { catalog, dialect: "wire", path: "state", limits }, issues);
    if (state === undefined) throw invalid(issues);
    if (Buffer.byteLength(JSON.stringify(state)) > limits.presenceBytes) throw tooLarge("The state", limits.presenceBytes);
    return state as Json;
  }

  #now(): string {
    return dateTimeOf(this.#parts.clock.now());
  }
}

const ANY = { kind: "scalar", name: "JSON", list: false, required: false, itemRequired: false } as const;

/** As clients say it. */
function exportedName({ channel, key }: ChannelRequest): string | null {
  return channel.exportName === null || key === null ? null : `${channel.exportName}/${String(key)}`;
}

/** The name of one topic among all: no channel's name has a blank. */
function topicName(channel: string, key: Value): string {
  return `${channel} ${String(key)}`;
}

export function tooLarge(what: string, bytes: number): AmbitError {
  return fault("BODY_TOO_LARGE", `${what} is larger than ${bytes} bytes.`);
}

function variablesIn(expression: Expression): readonly Expression[] {
  if (expression.op === "variable") return expression.root === "auth" ? [expression] : [];
  return partsOf(expression).flatMap(variablesIn);
}

/** The fields of a message from its text; null: it was kept under another schema, and is none any more. */
function readKept({ channel }: MessageShape, text: string, { catalog, limits }: Pick<DispatchParts, "catalog" | "limits">): RecordValues | null {
  const issues: Issue[] = [];
  const values: Record<string, Value> = Object.create(null) as Record<string, Value>;
  for (const [name, raw] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
    const field = channel.fields.get(name);
    if (field === undefined) continue;
    values[name] = raw === null ? null : coerceValue(raw, { type: field.type, limits: noLimits }, { catalog, dialect: "wire", path: name, limits }, issues) ?? null;
  }
  return issues.length === 0 ? values : null;
}
