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
import type { ChangeFrame, LiveChange, LiveSink, PlacedFrame } from "./live-frame.ts";
import type { RowWriter } from "./live-plan.ts";

/** `from`: frames up to there are in what it has. */
export interface Subscriber { readonly sink: LiveSink; from: number }

export interface LiveQueryParts {
  readonly compiled: CompiledPlan;
  readonly environment: () => Environment;
  /** Null: it is read again. */
  readonly write: RowWriter | null;
  readonly read: (environment: Environment) => RowSet;
  readonly position: (at: number) => string;
  readonly rowsMax: number;
}

/** What the last reading was made of. */
export interface Reading { readonly environment: Environment; readonly rows: RowSet; readonly answer: readonly AnswerRow[] }

export class LiveQuery {
  readonly subscribers = new Set<Subscriber>();
  readonly #parts: LiveQueryParts;
  readonly #key: string;
  /** Up to there all is told. */
  at: number;
  /** By key, as text; of groups the whole answer under one name. Null: not kept. */
  #rows: Map<string, string> | null = null;
  #bytes = 0;

  constructor(parts: LiveQueryParts, at: number) {
    this.#parts = parts;
    this.at = at;
    const { plan, catalog } = parts.compiled;
    this.#key = catalog.tables.get(plan.table)!.primaryKey;
  }

  /** Changes alone tell. */
  get isLocal(): boolean {
    return this.#parts.write !== null;
  }

  /** Kept for comparison. */
  get bytes(): number {
    return this.#bytes;
  }

  environment(): Environment {
    return this.#parts.environment();
  }

  get compiled(): CompiledPlan {
    return this.#parts.compiled;
  }

  /** Of one log entry; null: none for this query. */
  changesOf(changes: readonly Change[]): readonly LiveChange[] | null {
    const { write, compiled: { plan, catalog } } = this.#parts;
    assert(write !== null, "changes alone tell");
    const environment = this.#parts.environment();
    const table = catalog.tables.get(plan.table)!;
    const told: LiveChange[] = [];
    for (const change of changes) {
      if (change.table !== plan.table) continue;
      const before = change.old === null ? null : write(change.old, environment);
      const after = change.new === null ? null : write(change.new, environment);
      if (before === after) continue;
      const key = JSON.stringify(toWireValue(change.id, table.fields.get(table.primaryKey)!.type, catalog));
      told.push(after === null ? { type: "leave", key } : { type: before === null ? "enter" : "update", key, record: after });
    }
    return told.length === 0 ? null : told;
  }

  /** Reads all rows. Throws what a read throws, and TOO_MANY_ROWS. */
  read(): Reading {
    const environment = this.#parts.environment();
    const rows = this.#parts.read(environment);
    if (rows.rows > this.#parts.rowsMax) throw fault("TOO_MANY_ROWS", `The query has more than ${this.#parts.rowsMax} rows.`, { fix: "Narrow the filter, or give a limit." });
    return { environment, rows, answer: this.isLocal ? [] : JSON.parse(rows.json) as AnswerRow[] };
  }

  /** Keeps what was read; answers how it differs from what was kept. Null: not row by row. */
  keep({ rows, answer }: Reading): readonly LiveChange[] | null {
    const before = this.#rows;
    const { grouped } = this.#parts.compiled.plan;
    const after = grouped ? new Map([["", rows.json]]) : this.#byKey(answer);
    this.#rows = after;
    this.#bytes = 0;
    for (const [key, text] of after) this.#bytes += 2 * (key.length + text.length) + ROW_BYTES;
    if (before === null) return [];
    return grouped ? (before.get("") === rows.json ? [] : null) : differences(before, after);
  }

  /** All rows, as kept or as just read. */
  snapshot(at: number): PlacedFrame {
    const rows = this.#rows === null ? this.read().rows.json : this.#parts.compiled.plan.grouped ? this.#rows.get("")! : `[${[...this.#rows.values()].join(",")}]`;
    return { op: "snapshot", at, position: this.#parts.position(at), rows };
  }

  change(at: number, changes: readonly LiveChange[]): ChangeFrame {
    return { op: "change", at, position: this.#parts.position(at), changes };
  }

  /** To all who do not have it yet. What was read again is news to everybody: they have what was kept before. */
  deliver(frame: PlacedFrame): void {
    this.at = frame.at;
    const isNews = !this.isLocal && (frame.op === "snapshot" || frame.changes.length > 0);
    for (const subscriber of this.subscribers) {
      if (!isNews && subscriber.from >= frame.at) continue;
      subscriber.from = frame.at;
      subscriber.sink.take(frame);
    }
  }

  #byKey(answer: readonly AnswerRow[]): Map<string, string> {
    return new Map(answer.map((row) => [JSON.stringify(row[this.#key] as Json), JSON.stringify(row)]));
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
