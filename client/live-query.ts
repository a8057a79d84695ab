// A followed query: keeps its rows as the server tells them, over losses of the connection, and tells the app.
import type { AmbitError } from "./ambit-error.ts";
import { Arrivals } from "./arrivals.ts";
import type { LiveChange, LiveRows, Row, WireChange } from "./live-rows.ts";
import type { QueryText } from "./query-text.ts";
import type { LiveSocket, LiveStream, ServerFrame } from "./live-socket.ts";
import { tell } from "./tell.ts";

export interface LiveHandlers<Value> {
  /** All rows in order, after the first snapshot and after each change. */
  onRows?(rows: readonly Value[]): void;
  /** What changed with one commit. `null`: rows were read anew, and nothing is said one by one. */
  onChange?(changes: readonly LiveChange<Value>[] | null): void;
  /** It has ended: the server refused it. What only needs another try does not end it. */
  onError?(error: AmbitError): void;
}

/** A query that is followed. Iterating tells the rows after each change; a slow loop misses states, never the last one. */
export interface LiveQuery<Value> extends AsyncIterable<readonly Value[]> {
  /** As they are known. The same list until something changes. */
  readonly rows: readonly Value[];
  /** Resolves with the first rows; rejects if it ends before. */
  readonly ready: Promise<readonly Value[]>;
  /** False before the first snapshot, and while the connection is gone: rows may be old. */
  readonly isCurrent: boolean;
  close(): void;
}

export class FollowedQuery implements LiveQuery<Row>, LiveStream {
  readonly id: string;
  readonly ready: Promise<readonly Row[]>;
  readonly #socket: LiveSocket;
  readonly #query: QueryText;
  readonly #rows: LiveRows;
  readonly #handlers: LiveHandlers<Row>;
  readonly #arrivals = new Set<Arrivals<readonly Row[]>>();
  #position: string | null = null;
  #isCurrent = false;
  #end: { readonly error: AmbitError | null } | null = null;
  #begun: { resolve(rows: readonly Row[]): void; reject(error: AmbitError): void } | null = null;

  constructor(socket: LiveSocket, query: QueryText, rows: LiveRows, handlers: LiveHandlers<Row>) {
    this.id = socket.nextId();
    this.#socket = socket;
    this.#query = query;
    this.#rows = rows;
    this.#handlers = handlers;
    this.ready = new Promise((resolve, reject) => { this.#begun = { resolve, reject }; });
    // Whoever does not ask hears of it by `onError`.
    this.ready.catch(() => {});
    socket.add(this);
  }

  get rows(): readonly Row[] {
    return this.#rows.rows;
  }

  get isCurrent(): boolean {
    return this.#isCurrent && this.#socket.status === "connected";
  }

  close(): void {
    if (this.#end !== null) return;
    this.#socket.remove(this);
    this.#finish(null);
  }

  [Symbol.asyncIterator](): AsyncGenerator<readonly Row[], void, undefined> {
    const arrivals = new Arrivals<readonly Row[]>(1);
    if (this.#position !== null) arrivals.add(this.rows);
    if (this.#end !== null) arrivals.end(this.#end.error);
    else this.#arrivals.add(arrivals);
    return arrivals.iterate(() => { this.#arrivals.delete(arrivals); });
  }

  begin(): object {
    this.#isCurrent = false;
    return { op: "subscribe", query: this.#query.path, ...(this.#position === null ? {} : { since: this.#position }) };
  }

  take(frame: ServerFrame): void {
    switch (frame.op) {
      case "snapshot":
        this.#rows.replace(this.#query.shown(frame["rows"] as readonly Row[]));
        return this.#moved(frame, null);
      case "change": {
        const changes = (frame["changes"] as readonly WireChange[]).map((change) => (change.record === undefined ? change : { ...change, record: this.#query.shown([change.record])[0]! }));
        this.#rows.apply(changes);
        return this.#moved(frame, changes);
      }
      // A snapshot follows `reset` and `gap`: until then the old rows are better than none.
      default: this.#isCurrent = false;
    }
  }

  fail(error: AmbitError): void {
    if (this.#end !== null) return;
    this.#finish(error);
    // Who closes the client knows.
    if (error.code !== "CLOSED") tell(() => this.#handlers.onError?.(error));
  }

  #moved(frame: ServerFrame, changes: readonly WireChange[] | null): void {
    this.#position = String(frame["position"]);
    this.#isCurrent = true;
    if (changes !== null && changes.length === 0) return;
    const { rows } = this;
    this.#begun?.resolve(rows);
    this.#begun = null;
    for (const arrivals of this.#arrivals) arrivals.add(rows);
    tell(() => this.#handlers.onChange?.(changes === null ? null : changes.map(({ type, key, record }) => (type === "leave" ? { type, key } : { type, key, row: record! }))));
    tell(() => this.#handlers.onRows?.(rows));
  }

  #finish(error: AmbitError | null): void {
    this.#end = { error };
    this.#isCurrent = false;
    if (error !== null) this.#begun?.reject(error);
    for (const arrivals of this.#arrivals) arrivals.end(error?.code === "CLOSED" ? null : error);
    this.#arrivals.clear();
  }
}
