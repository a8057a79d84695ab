// One query that somebody follows, shared by all who ask the same: what a change means for it, and frames for its subscribers.
// Where a change alone does not tell, the answer is read again and compared with the one before.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Change } from "../changes/change.ts";
import type { Environment } from "../expression/expression.ts";
import type { AnswerRow } from "../query/footprint-plan.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { RowSet } from "../storage/read-plan.ts";
import type { ChangeFrame, LiveChange, LiveFrame, LiveSink, PlacedFrame } from "./live-frame.ts";
import type { RowWriter } from "./live-plan.ts";

/** `from`: frames up to there are in what it has. */
export interface Subscriber { readonly sink: LiveSink; from: number }

/** It could not take what it was told. */
export interface Failing { readonly subscriber: Subscriber; readonly thrown: unknown }

/** What all queries of one plan share, whatever their values: there may be very many of them. */
export interface LiveSource {
  readonly compiled: CompiledPlan;
  /** Null: it is read again. */
  readonly writer: RowWriter | null;
  readonly rowsMax: number;
  now(): string;
  read(environment: Environment): RowSet;
  /** `mark`: which query tells it. */
  position(at: number, mark: string): string;
  /** A frame goes out. */
  count(): void;
}

/** `variables`: of the caller and the values asked for. */
export interface LiveAsker { readonly variables: Environment["variables"]; readonly mark: string }

/** What the last reading was made of. */
export interface Reading { readonly environment: Environment; readonly rows: RowSet; readonly answer: readonly AnswerRow[] }

export class LiveQuery {
  readonly subscribers = new Set<Subscriber>();
  readonly #source: LiveSource;
  readonly #variables: Environment["variables"];
  readonly #mark: string;
  /** Up to there all is told. */
  at = 0;
  /** By key, as text; of groups the whole answer under one name. Null: not kept. */
  #rows: Map<string, string> | null = null;
  #bytes = 0;

  constructor(source: LiveSource, { variables, mark }: LiveAsker) {
    this.#source = source;
    this.#variables = variables;
    this.#mark = mark;
  }

  /** Changes alone tell. */
  get isLocal(): boolean {
    return this.#source.writer !== null;
  }

  /** Kept for comparison. */
  get bytes(): number {
    return this.#bytes;
  }

  environment(): Environment {
    return { rows: {}, variables: this.#variables, now: this.#source.now(), source: null };
  }

  get compiled(): CompiledPlan {
    return this.#source.compiled;
  }

  /** Of one log entry; null: none for this query. */
  changesOf(changes: readonly Change[]): readonly LiveChange[] | null {
    const { writer, compiled: { plan, catalog } } = this.#source;
    assert(writer !== null, "changes alone tell");
    const environment = this.environment();
    const table = catalog.tables.get(plan.table)!;
    const told: LiveChange[] = [];
    for (const change of changes) {
      if (change.table !== plan.table) continue;
      const before = change.old === null ? null : writer.write(change.old, environment);
      const after = change.new === null ? null : writer.write(change.new, environment);
      if (before === after) continue;
      const key = JSON.stringify(toWireValue(change.id, table.fields.get(table.primaryKey)!.type, catalog));
      told.push(after === null ? { type: "leave", key } : { type: before === null ? "enter" : "update", key, record: after });
    }
    return told.length === 0 ? null : told;
  }

  /** The records of those changes are no longer needed. */
  forget(): void {
    this.#source.writer?.forget();
  }

  /** Reads all rows. Throws what a read throws, and TOO_MANY_ROWS. */
  read(): Reading {
    const environment = this.environment();
    const rows = this.#source.read(environment);
    if (rows.rows > this.#source.rowsMax) throw fault("TOO_MANY_ROWS", `The query has more than ${this.#source.rowsMax} rows.`, { fix: "Narrow the filter, or give a limit." });
    return { environment, rows, answer: this.isLocal ? [] : JSON.parse(rows.json) as AnswerRow[] };
  }

  /** Keeps what was read; answers how it differs from what was kept. Null: not row by row. */
  keep({ rows, answer }: Reading): readonly LiveChange[] | null {
    const before = this.#rows;
    const { grouped } = this.compiled.plan;
    const after = grouped ? new Map([["", rows.json]]) : this.#byKey(answer);
    this.#rows = after;
    this.#bytes = 0;
    for (const [key, text] of after) this.#bytes += 2 * (key.length + text.length) + ROW_BYTES;
    if (before === null) return [];
    return grouped ? (before.get("") === rows.json ? [] : null) : differences(before, after);
  }

  /** All rows, as kept or as just read. */
  snapshot(at: number): PlacedFrame {
    const rows = this.#rows === null ? this.read().rows.json : this.compiled.plan.grouped ? this.#rows.get("")! : `[${[...this.#rows.values()].join(",")}]`;
    return { op: "snapshot", at, position: this.#source.position(at, this.#mark), rows };
  }

  change(at: number, changes: readonly LiveChange[]): ChangeFrame {
    return { op: "change", at, position: this.#source.position(at, this.#mark), changes };
  }

  /** To all who do not have it yet. What was read again is news to everybody: they have what was kept before. Answers who failed at it. */
  deliver(frame: PlacedFrame): readonly Failing[] {
    const failing: Failing[] = [];
    this.at = frame.at;
    const isNews = !this.isLocal && (frame.op === "snapshot" || frame.changes.length > 0);
    for (const subscriber of this.subscribers) {
      if (!isNews && subscriber.from >= frame.at) continue;
      subscriber.from = frame.at;
      try {
        this.tell(subscriber, frame);
      } catch (thrown) {
        failing.push({ subscriber, thrown });
      }
    }
    return failing;
  }

  tell({ sink }: Subscriber, frame: LiveFrame): void {
    this.#source.count();
    sink.take(frame);
  }

  #byKey(answer: readonly AnswerRow[]): Map<string, string> {
    const { plan, catalog } = this.compiled;
    const { primaryKey } = catalog.tables.get(plan.table)!;
    return new Map(answer.map((row) => [JSON.stringify(row[primaryKey] as Json), JSON.stringify(row)]));
  }
}

const ROW_BYTES = 100;

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly LiveChange[] {
  const told: LiveChange[] = [];
  for (const key of before.keys()) if (!after.has(key)) told.push({ type: "leave", key });
  for (const [key, record] of after) {
    const earlier = before.get(key);
    if (earlier === undefined) told.push({ type: "enter", key, record });
    else if (earlier !== record) told.push({ type: "update", key, record });
  }
  return told;
}
