// The records of a fuzz app as the naive interpreter sees them: arrays, searched from one end to the other. Nothing of storage/.
import type { RecordValues, Value } from "../../src/base/value.ts";
import { evaluate, isTrue } from "../../src/expression/evaluate.ts";
import type { Environment, Expression, RecordSource } from "../../src/expression/expression.ts";
import type { ExpressionBook } from "../../src/expression/expression-book.ts";
import type { Catalog, Relation, Table } from "../../src/schema/catalog.ts";

export interface World {
  readonly catalog: Catalog;
  readonly now: string;
  table(name: string): Table;
  /** Without expired ones. */
  alive(table: string): readonly RecordValues[];
  /** Records that the relation leads to. */
  related(relation: Relation, record: RecordValues): readonly RecordValues[];
  value(expression: Expression, record: RecordValues): Value;
  holds(expression: Expression | null, record: RecordValues): boolean;
  /** Some sum was beyond its type, though perhaps in no row that is shown. */
  noteOverflow(): void;
  /** Whether there was one since it was asked last. */
  takeOverflow(): boolean;
}

export interface WorldParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly records: ReadonlyMap<string, readonly RecordValues[]>;
  readonly now: string;
  readonly variables: Environment["variables"];
}

export function createWorld({ catalog, book, records, now, variables }: WorldParts): World {
  const alive = (table: string): RecordValues[] => (records.get(table) ?? []).filter((record) => {
    const expires = record["$expires"] ?? null;
    return expires === null || (expires as string) > now;
  });
  const table = (name: string): Table => catalog.tables.get(name)!;
  const source: RecordSource = {
    get: (name, id) => alive(name).find((record) => sameKey(record[table(name).primaryKey]!, id)) ?? null,
    exists: (name, row, where, environment) => alive(name).some((record) => isTrue(where, { ...environment, rows: { ...environment.rows, [row]: record } }, book)),
  };
  const environment = (record: RecordValues): Environment => ({ rows: { record }, variables, now, source });
  let overflow = false;
  return {
    catalog, now, table, alive,
    noteOverflow() { overflow = true; },
    takeOverflow() {
      const noted = overflow;
      overflow = false;
      return noted;
    },
    related: (relation, record) => relatedRecords(alive, relation, record),
    value: (expression, record) => evaluate(expression, environment(record), book),
    holds: (expression, record) => expression === null || isTrue(expression, environment(record), book),
  };
}

function relatedRecords(alive: (table: string) => readonly RecordValues[], relation: Relation, record: RecordValues): readonly RecordValues[] {
  const key = record[relation.from] ?? null;
  if (key === null) return [];
  const { through } = relation;
  if (through === null) return alive(relation.table).filter((other) => sameKey(other[relation.to] ?? null, key));
  const links = alive(through.table).filter((link) => sameKey(link[through.from] ?? null, key));
  return alive(relation.table).filter((other) => links.some((link) => sameKey(link[through.to] ?? null, other[relation.to]!)));
}

/** A Long may come as a number. */
function sameKey(left: Value, right: Value): boolean {
  if (left === null || right === null) return false;
  return String(left) === String(right);
}
