// Server-sent events of one followed query or topic: frames as text, a bounded queue for a client that reads slowly, signs of life, an end.
import { fault, toProblem, type AmbitError } from "../../base/error.ts";
import type { Clock } from "../../base/clock.ts";
import type { Identity } from "../../access/identity.ts";
import { watchIdentity } from "../../access/identity-lease.ts";
import type { Limits } from "../../base/limits.ts";
import type { ChannelFrame, ChannelSink } from "../../resources/channel-frame.ts";
import type { LiveChange, LiveSubscription } from "../../resources/live-frame.ts";
import type { RunFrame, RunSink } from "../../resources/run-watch.ts";

export interface EventStreamParts {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly requestId: string;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal;
  /** How long its credential stands. */
  readonly identity: Pick<Identity, "expiresAtMs" | "lease">;
  /** How frames are written; as REST has them without it. */
  readonly form?: EventForm;
  /** Where all streams are counted. */
  readonly tally?: StreamTally;
}

/** Of streams that are open: how many, and what their clients have not taken yet. */
export interface StreamTally { open: number; waitingBytes: number }

/** What a stream takes: rows, messages, progress. */
export type EventSink = ChannelSink & RunSink;

/** The id of the last event of a run. */
export const RUN_DONE = "done";

export interface EventForm {
  /** The same bytes for the same frame and form, as far as it can. */
  frame(frame: ChannelFrame): Uint8Array;
  /** The last event. */
  failure(error: AmbitError): string;
}

/** What a client waits before it connects again. */
const RETRY_MS = 1_000;
const encoder = new TextEncoder();
const encoded = new WeakMap<ChannelFrame, Uint8Array>();

export class EventStream implements ChannelSink, RunSink {
  readonly #parts: EventStreamParts;
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #gap = false;
  #ending = false;
  #over = false;
  #subscription: LiveSubscription | null = null;
  #tally: StreamTally | null = null;
  #wake: (() => void) | null = null;
  #cancelBeat = (): void => {};
  #cancelExpiry = (): void => {};

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.#push(encoder.encode(`retry: ${RETRY_MS}\n\n`));
  }

  /** Throws what subscribing throws; then nothing was begun. */
  follow(subscribe: (sink: EventSink) => LiveSubscription): void {
    const { clock, signal, identity } = this.#parts;
    this.#subscription = subscribe(this);
    this.#tally = this.#parts.tally ?? null;
    if (this.#tally !== null) {
      this.#tally.open++;
      this.#tally.waitingBytes += this.#bytes;
    }
    this.#beat();
    const end = (): void => this.#close();
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    this.#cancelExpiry = watchIdentity(clock, identity, { expired: () => this.fail(fault("INVALID_TOKEN", "The token has expired.")), over: () => this.renew() });
  }

  readable(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#close(),
    }, { highWaterMark: 0 });
  }

  take(frame: ChannelFrame): void {
    if (this.#gap || this.#ending || this.#over) return;
    const isLater = frame.op === "change" || frame.op === "message";
    this.#push(this.#parts.form?.frame(frame) ?? restFrame(frame), !isLater);
  }

  /** Of a run. Whoever comes again with the id of its end has it already. */
  tell(frame: RunFrame): void {
    if (this.#gap || this.#ending || this.#over) return;
    this.#push(encoder.encode(event(frame.op, JSON.stringify(frame), frame.op === "done" ? RUN_DONE : null)), frame.op === "done");
  }

  end(): void {
    this.#end();
  }

  fail(error: AmbitError): void {
    this.#push(encoder.encode(this.#parts.form?.failure(error) ?? event("error", JSON.stringify({ op: "error", problem: toProblem(error, this.#parts.requestId) }), null)));
    this.#end();
  }

  /** The client connects again, to what serves then. */
  renew(): void {
    this.#end();
  }

  /** `whole`: with what comes before it, whatever its size; changes are left out where too much waits. */
  #push(bytes: Uint8Array, whole = true): void {
    if (this.#over) return;
    if (!whole && this.#bytes > 0 && this.#bytes + bytes.length > this.#parts.limits.connectionQueueBytes) {
      this.#empty();
      this.#gap = true;
    } else {
      this.#queue.push(bytes);
      this.#wait(bytes.length);
    }
    this.#signal();
  }

  #empty(): void {
    this.#queue = [];
    this.#wait(-this.#bytes);
  }

  #wait(bytes: number): void {
    this.#bytes += bytes;
    if (this.#tally !== null) this.#tally.waitingBytes += bytes;
  }

  /** Once for all frames of a turn. */
  #signal(): void {
    const wake = this.#wake;
    if (wake === null) return;
    this.#wake = null;
    queueMicrotask(wake);
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#queue.length === 0 && !this.#gap && !this.#ending && !this.#over) await new Promise<void>((resolve) => { this.#wake = resolve; });
    if (this.#gap) {
      this.#gap = false;
      this.take({ op: "gap" });
      this.#subscription?.snapshot();
    }
    if (this.#queue.length > 0) {
      const joined = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue);
      this.#empty();
      controller.enqueue(joined);
    }
    if (!this.#ending && !this.#over) return;
    this.#close();
    controller.close();
  }

  #beat(): void {
    this.#cancelBeat = this.#parts.clock.schedule(this.#parts.limits.heartbeatMs, () => {
      if (this.#bytes === 0) this.#push(encoder.encode(":\n\n"));
      this.#beat();
    });
  }

  /** After what is queued. */
  #end(): void {
    this.#ending = true;
    this.#subscription?.close();
    this.#signal();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#empty();
    if (this.#tally !== null) this.#tally.open--;
    this.#cancelBeat();
    this.#cancelExpiry();
    this.#subscription?.close();
    this.#signal();
  }
}

function restFrame(frame: ChannelFrame): Uint8Array {
  let bytes = encoded.get(frame);
  if (bytes === undefined) encoded.set(frame, bytes = encoder.encode(eventsOf(frame)));
  return bytes;
}

/** The id comes with the last event of an entry: whoever goes on from there has all of it. */
function eventsOf(frame: ChannelFrame): string {
  switch (frame.op) {
    case "snapshot": return event("snapshot", `{"op":"snapshot","position":"${frame.position}","rows":${frame.rows}}`, frame.position);
    case "change": {
      const groups = byType(frame.changes);
      if (groups.length === 0) return `id: ${frame.position}\n\n`;
      return groups.map((changes, index) => event(changes[0]!.type, `{"op":"change","position":"${frame.position}","changes":[${changes.map(changeText).join(",")}]}`, index === groups.length - 1 ? frame.position : null)).join("");
    }
    case "message": return frame.messages.map(({ text }) => event("message", text, null)).join("");
    default: return event(frame.op, JSON.stringify(frame), null);
  }
}

/** Neighbours of one type are one event. */
function byType(changes: readonly LiveChange[]): LiveChange[][] {
  const groups: LiveChange[][] = [];
  for (const change of changes) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]!.type === change.type) last.push(change);
    else groups.push([change]);
  }
  return groups;
}

export function changeText(change: LiveChange): string {
  return change.type === "leave" ? `{"type":"leave","key":${change.key}}` : `{"type":"${change.type}","key":${change.key},"record":${change.record}}`;
}

function event(name: string, data: string, id: string | null): string {
  return `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${data.includes("\n") ? data.replaceAll("\n", "\ndata: ") : data}\n\n`;
}
