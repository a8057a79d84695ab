// @limit: how often, how large and how many at once, of every Operation that comes over a wire, whichever; one place for all interfaces.
// Code of the app and the runtime itself are not counted.
import { addressGroup } from "../base/address-group.ts";
import { fault } from "../base/error.ts";
import type { RateQuestion } from "../base/rate-meter.ts";
import type { Value } from "../base/value.ts";
import type { Sender } from "../access/sender.ts";
import type { Callable, Catalog, UsageLimit } from "../schema/catalog.ts";
import type { Operation, OperationBody } from "./operation.ts";
import { isExempt, whoOf, type UsageMeter } from "./usage-meter.ts";

/** One @limit, named for headers and counters. */
interface Placed { readonly name: string; readonly limit: UsageLimit }

/** What is counted of an operation. */
interface Counted { readonly placed: readonly Placed[]; readonly record: Value; readonly cost: number; readonly sender: Sender }

/** To be called at the end; null: there is nothing to give back. */
export type Leave = (() => void) | null;

const NOTHING: readonly Placed[] = [];

export class UsageLimits {
  readonly #catalog: Catalog;
  readonly #meter: UsageMeter;
  readonly #tables: ReadonlyMap<string, readonly Placed[]>;
  readonly #channels: ReadonlyMap<string, readonly Placed[]>;
  readonly #callables = new WeakMap<Callable, readonly Placed[]>();

  constructor(catalog: Catalog, meter: UsageMeter) {
    this.#catalog = catalog;
    this.#meter = meter;
    const named = (things: Iterable<{ readonly name: string; readonly usage?: readonly UsageLimit[] }>): Map<string, readonly Placed[]> =>
      new Map([...things].filter(({ usage }) => usage !== undefined).map(({ name, usage }) => [name, placedOf(name, usage)]));
    this.#tables = named(catalog.tables.values());
    this.#channels = named(catalog.channels.values());
  }

  /** Throws TOO_MANY_REQUESTS, BODY_TOO_LARGE. */
  begin({ body, from }: Pick<Operation, "body" | "from">): Leave {
    if (from === undefined) return null;
    if (from.isCounted !== true) this.#meter.admit(from);
    const placed = this.#placesOf(body);
    if (placed.length === 0) return null;
    checkSize(body, placed, from);
    return this.#enter({ placed, record: recordOf(body), cost: costOf(body), sender: from });
  }

  /** An operation that is part of another, which was counted. */
  beginPart(body: OperationBody, from: Sender | undefined): Leave {
    return from === undefined ? null : this.begin({ body, from: { identity: from.identity, address: from.address, isCounted: true } });
  }

  /** A query or a topic is followed. Throws TOO_MANY_REQUESTS. */
  follow(target: { readonly table: string } | { readonly channel: string }, from: Sender | undefined): void {
    if (from === undefined) return;
    if (from.isCounted !== true) this.#meter.admit(from);
    const placed = ("table" in target ? this.#tables.get(target.table) : this.#channels.get(target.channel)) ?? NOTHING;
    this.#meter.take(ratesOf({ placed, record: null, cost: 1, sender: from }));
  }

  /** A tool that a model calls for somebody. */
  callTool(tool: Callable, sender: Sender): Leave {
    return this.#enter({ placed: this.#ofCallable(tool), record: null, cost: 1, sender });
  }

  /** A job is asked for while somebody is served. How many run at once is the worker's business. Throws TOO_MANY_REQUESTS. */
  askJob(job: Callable, sender: Sender): void {
    this.#meter.take(ratesOf({ placed: this.#ofCallable(job), record: null, cost: 1, sender }));
  }

  #enter(counted: Counted): Leave {
    const { placed } = counted;
    this.#meter.take(ratesOf(counted));
    const leaves: (() => void)[] = [];
    try {
      for (const { name, limit } of placed) {
        const who = limit.concurrency === null ? null : counterOf(limit, counted);
        if (who !== null) leaves.push(this.#meter.enter(`${name} ${limit.per} ${who}`, limit.concurrency!));
      }
    } catch (error) {
      for (const leave of leaves) leave();
      throw error;
    }
    return leaves.length === 0 ? null : () => { for (const leave of leaves) leave(); };
  }

  #placesOf(body: OperationBody): readonly Placed[] {
    switch (body.kind) {
      case "get": case "history": case "restore": case "create": case "replace": case "update": case "remove": case "upload":
        return this.#tables.get(body.table) ?? NOTHING;
      case "query": case "update-many": case "remove-many": return this.#tables.get(body.plan.table) ?? NOTHING;
      case "action": {
        const action = this.#catalog.tables.get(body.table)?.actions.get(body.name);
        return [...this.#tables.get(body.table) ?? NOTHING, ...action === undefined ? NOTHING : this.#ofCallable(action)];
      }
      case "endpoint": case "webhook": return this.#named(this.#catalog.endpoints.get(body.name));
      case "decide": return this.#named(this.#catalog.decisions.get(body.name)?.callable);
      case "publish": return this.#channels.get(body.channel) ?? NOTHING;
      default: return NOTHING;
    }
  }

  #named(callable: Callable | undefined): readonly Placed[] {
    return callable === undefined ? NOTHING : this.#ofCallable(callable);
  }

  #ofCallable(callable: Callable): readonly Placed[] {
    if (callable.usage === undefined) return NOTHING;
    let placed = this.#callables.get(callable);
    if (placed === undefined) this.#callables.set(callable, placed = placedOf(callable.table === null ? callable.name : `${callable.table}.${callable.name}`, callable.usage));
    return placed;
  }
}

function placedOf(name: string, usage: readonly UsageLimit[] = []): readonly Placed[] {
  return usage.map((limit, index) => ({ name: index === 0 ? name : `${name} #${index + 1}`, limit }));
}

function ratesOf(counted: Counted): RateQuestion[] {
  return counted.placed.flatMap(({ name, limit }): RateQuestion[] => {
    const who = limit.rate === null ? null : counterOf(limit, counted);
    return who === null ? [] : [{ limit: name, who, rate: limit.rate!, cost: counted.cost }];
  });
}

/** Null: not counted. */
function counterOf({ per }: UsageLimit, { record, sender }: Counted): string | null {
  if (isExempt(sender.identity)) return null;
  if (per === "RECORD") return `record ${String(record)}`;
  return (per === "SUBJECT" ? whoOf(sender.identity) : null) ?? `address ${addressGroup(sender.address)}`;
}

/** The record that it is about, where it is about one. */
function recordOf(body: OperationBody): Value {
  return body.kind === "action" ? body.id : null;
}

/** A list that is created counts as its items: nobody gets around a rate by sending them together. */
function costOf(body: OperationBody): number {
  return body.kind === "create" ? Math.max(1, body.inputs.length) : 1;
}

function checkSize(body: OperationBody, placed: readonly Placed[], { bodyBytes }: Sender): void {
  const most = smallestBody(placed.map(({ limit }) => limit));
  if (most === null) return;
  const sent = bodyBytes ?? sizeOf(body);
  if (sent > most) throw fault("BODY_TOO_LARGE", `The body is larger than ${most} bytes.`, { fix: "Send less, or raise @limit(body) there." });
}

/** As JSON, where it came as a part of something else. */
function sizeOf(body: OperationBody): number {
  if (body.kind === "webhook") return body.message.bytes.length;
  const input = body.kind === "create" ? (body.inputs.length === 1 ? body.inputs[0] : body.inputs) : "input" in body ? body.input : undefined;
  return input === undefined ? 0 : Buffer.byteLength(JSON.stringify(input, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
}

/** The largest body that all of them take; null: as limits.bodyBytes says. */
export function smallestBody(limits: readonly UsageLimit[]): number | null {
  const sizes = limits.flatMap(({ bodyBytes }) => (bodyBytes === null ? [] : [bodyBytes]));
  return sizes.length === 0 ? null : Math.min(...sizes);
}
