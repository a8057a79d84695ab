// What a write of one table needs to know, worked out once from the Catalog: keys, references both ways, compiled rules, statements.
import { assert } from "../base/assert.ts";
import type { Catalog, CheckRule, Field, Fill, Table } from "../schema/catalog.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { fieldsRead } from "../expression/inspect.ts";
import { recordCodec, type RecordCodec } from "../storage/record-codec.ts";
import { embeddedFields, type EmbeddedField } from "./embedded-text.ts";
import { fileFields } from "./record-files.ts";
import { expires, indexColumn, indexedFields, quoted } from "../storage/column.ts";

/** A to-one relation's key: the field of this table whose value is the primary key of `target`. */
export interface ForeignKey {
  readonly field: string;
  readonly target: string;
  /** The relation field, for messages. */
  readonly relation: string;
}

/** A foreign key of another table (or this one) that points here. */
export interface Referrer {
  readonly table: string;
  readonly field: string;
  readonly onDelete: "RESTRICT" | "CASCADE" | "SET_NULL";
  /** The rows of that table that point to one record. Parameters: the key, the most rows wanted. */
  readonly selectSql: string;
}

export interface UniqueKey {
  /** On tenant tables also the tenant's. */
  readonly fields: readonly Field[];
  /** As the schema says: what clients name, and are told. */
  readonly declared: readonly Field[];
  /** As SQLite compares them: folded or ordered companions where there are some. */
  readonly columns: readonly string[];
  /** Text of the declared fields is compared case-folded. */
  readonly fold: boolean;
  /** The one row with these values, expired or not. Parameters: the compared values. */
  readonly selectSql: string;
}

export interface TableCheck {
  readonly rule: CheckRule;
  readonly expression: Expression;
  /** Fields that it looks at; null stands for those of other records. */
  readonly reads: readonly (string | null)[];
}

export interface TableModel {
  readonly table: Table;
  readonly codec: RecordCodec;
  /** Fields with a column, in order of declaration. */
  readonly stored: readonly Field[];
  readonly primaryKey: Field;
  readonly foreignKeys: readonly ForeignKey[];
  readonly referrers: readonly Referrer[];
  /** The primary key is not among them. */
  readonly uniqueKeys: readonly UniqueKey[];
  /** Stored computed fields, each after those that it reads. */
  readonly computed: readonly { readonly field: Field; readonly expression: Expression }[];
  readonly checks: readonly TableCheck[];
  readonly defaultRules: ReadonlyMap<string, Expression>;
  /** Filled by models after the commit. */
  readonly embedded: readonly EmbeddedField[];
  readonly expires: boolean;
  /** Those that refer to files. */
  readonly files: readonly Field[];
  /** How many numbers a vector must have. */
  readonly dimensions: ReadonlyMap<string, number>;
  /** Of GEO indexes, by field: what must lie within ± `most`, the value itself or the part of it that `key` names. */
  readonly coordinates: ReadonlyMap<string, readonly Coordinate[]>;
}

export interface Coordinate { readonly key: "lat" | "lon" | null; readonly most: 90 | 180 }

export type TableModels = ReadonlyMap<string, TableModel>;

export function createTableModels(catalog: Catalog, book: ExpressionBook): TableModels {
  return new Map([...catalog.tables.values()].map((table) => [table.name, tableModel(table, catalog, book)]));
}

export function modelOf(models: TableModels, name: string): TableModel {
  const model = models.get(name);
  assert(model !== undefined, `table ${name} is in the catalog`);
  return model;
}

export function tableModel(table: Table, catalog: Catalog, book: ExpressionBook): TableModel {
  const stored = [...table.fields.values()].filter((field) => field.kind === "stored");
  const primaryKey = table.fields.get(table.primaryKey);
  assert(primaryKey !== undefined, `${table.name} has its primary key`);
  const defaultRules = new Map<string, Expression>();
  for (const field of stored) if (field.fill?.kind === "default-rule") defaultRules.set(field.name, book.of(field.fill.rule));
  const dimensions = new Map<string, number>();
  for (const index of table.indexes) if (index.kind === "VECTOR" && index.dimensions !== null) dimensions.set(index.fields[0]!, index.dimensions);
  return {
    table, stored, primaryKey, defaultRules, dimensions,
    coordinates: coordinatesOf(table),
    codec: recordCodec(table, catalog),
    foreignKeys: foreignKeysOf(table),
    referrers: referrersOf(table, catalog),
    uniqueKeys: uniqueKeysOf(table, catalog),
    computed: computedInOrder(stored, book),
    checks: table.checks.map((rule) => {
      const expression = book.of(rule.rule);
      return { rule, expression, reads: fieldsRead(expression).map((read) => (read.path.length === 0 && read.table === table.name ? read.field : null)) };
    }),
    embedded: embeddedFields(table, book),
    expires: expires(table),
    files: fileFields(table),
  };
}

function coordinatesOf(table: Table): Map<string, readonly Coordinate[]> {
  const coordinates = new Map<string, readonly Coordinate[]>();
  for (const { kind, fields: [first, second] } of table.indexes) {
    if (kind !== "GEO" || first === undefined) continue;
    if (second === undefined) coordinates.set(first, [{ key: "lat", most: 90 }, { key: "lon", most: 180 }]);
    else coordinates.set(first, [{ key: null, most: 90 }]).set(second, [{ key: null, most: 180 }]);
  }
  return coordinates;
}

/** Each key once for each table that it points to. */
function foreignKeysOf(table: Table): ForeignKey[] {
  const keys = new Map<string, ForeignKey>();
  for (const { name, relation } of table.fields.values()) {
    if (relation?.kind !== "one") continue;
    const signature = `${relation.from} ${relation.table}`;
    if (!keys.has(signature)) keys.set(signature, { field: relation.from, target: relation.table, relation: name });
  }
  return [...keys.values()];
}

/** Where two relations go over one key, the one that loses least data decides. */
function referrersOf(table: Table, catalog: Catalog): Referrer[] {
  const caution = { RESTRICT: 2, SET_NULL: 1, CASCADE: 0 };
  const referrers = new Map<string, Referrer>();
  for (const other of catalog.tables.values()) {
    for (const { relation } of other.fields.values()) {
      if (relation?.kind !== "one" || relation.table !== table.name) continue;
      const onDelete = relation.onDelete ?? "RESTRICT";
      const signature = `${other.name} ${relation.from}`;
      const known = referrers.get(signature);
      if (known !== undefined && caution[known.onDelete] >= caution[onDelete]) continue;
      const { columns } = recordCodec(other, catalog);
      const selectSql = `SELECT ${columns} FROM ${quoted(other.sqlName)} WHERE ${quoted(relation.from)} = ?1 LIMIT ?2`;
      referrers.set(signature, { table: other.name, field: relation.from, onDelete, selectSql });
    }
  }
  return [...referrers.values()];
}

function uniqueKeysOf(table: Table, catalog: Catalog): UniqueKey[] {
  const { columns: list } = recordCodec(table, catalog);
  return table.indexes.filter((index) => index.kind === "BTREE" && index.unique).map((index) => {
    const named = (name: string): Field => {
      const field = table.fields.get(name);
      assert(field !== undefined, `${table.name} has the indexed field ${name}`);
      return field;
    };
    const fields = indexedFields(table, index.fields).map(named);
    const columns = fields.map((field) => indexColumn(table, field, index.fold));
    const where = columns.map((column) => `${quoted(column)} = ?`).join(" AND ");
    return { fields, declared: index.fields.map(named), columns, fold: index.fold, selectSql: `SELECT ${list} FROM ${quoted(table.sqlName)} WHERE ${where} LIMIT 1` };
  });
}

function computedInOrder(stored: readonly Field[], book: ExpressionBook): { field: Field; expression: Expression }[] {
  const pending = new Map<string, { field: Field; expression: Expression }>();
  for (const field of stored) if (field.fill?.kind === "computed") pending.set(field.name, { field, expression: book.of(field.fill.rule) });
  const ordered: { field: Field; expression: Expression }[] = [];
  const visit = (name: string): void => {
    const item = pending.get(name);
    if (item === undefined) return;
    pending.delete(name);
    for (const read of fieldsRead(item.expression)) visit(read.field);
    ordered.push(item);
  };
  for (const field of stored) visit(field.name);
  return ordered;
}

/** Filled by the runtime and set by nobody, or by code alone. */
export function isFilled(fill: Fill | null): boolean {
  return fill !== null && fill.kind !== "default-value" && fill.kind !== "default-rule";
}
