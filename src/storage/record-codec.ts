// A record's values in memory form to the columns of its row and back, and the statements that write them. No rules, no validation.
import { decimalKey } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { foldCase } from "../base/text.ts";
import type { Json, RecordValues, SqlValue, Value } from "../base/value.ts";
import type { Catalog, Field, Table, TypeRef } from "../schema/catalog.ts";
import { fromWireValue, toWireValue } from "../schema/wire-value.ts";
import { representedSince } from "./represented-since.ts";
import {
  EXPIRES_COLUMN, OPEN_COLUMN, VERSION_COLUMN, expires as hasExpiry, foldColumn, foldFields, isJsonColumn, keyColumn, keyCompanion,
  quoted, storedFields,
} from "./column.ts";
import { undeclaredText } from "./undeclared-fields.ts";

export interface StoredRow {
  /** All stored fields, of open tables the undeclared ones too; null where nothing is stored. */
  readonly values: RecordValues;
  readonly version: number;
  /** The position of the entry that wrote it, where a change of the schema gave it a later version. */
  readonly written?: number;
  /** Canonical DateTime from which on it is gone; null: never. */
  readonly expires: string | null;
}

/** An UPDATE of some fields. */
export interface RecordUpdate {
  /** Parameters: those of `encode`, which end with the primary key. */
  readonly sql: string;
  /** `values` are the whole record, as it shall be. */
  encode(values: RecordValues, version: number, expires: string | null): SqlValue[];
}

export interface RecordCodec {
  readonly table: Table;
  /** What `encode` gives, by name. */
  readonly names: readonly string[];
  /** Select list for `decode`, unqualified. */
  readonly columns: string;
  /** Parameter: the key. Expired rows too. */
  readonly selectSql: string;
  /** Parameters: `encode`. */
  readonly insertSql: string;
  /** Sets every column. Parameters: `encode`, then the key. */
  readonly updateSql: string;
  /** Parameter: the key. */
  readonly deleteSql: string;
  /** The columns of insertSql, in order. `values` are canonical. */
  encode(values: RecordValues, version: number, expires: string | null): SqlValue[];
  /** Sets `fields`, their companions, version, expiry and (open tables) what is undeclared. Leaves other columns and their indexes alone. */
  update(fields: readonly string[]): RecordUpdate;
  /** A row of `columns` as `Statement.values` returns it. */
  decode(row: readonly SqlValue[]): StoredRow;
  /** The primary key as it is bound. */
  key(id: Value): SqlValue;
}

type Encoder = (values: RecordValues, version: number, expires: string | null) => SqlValue;
type Decoder = (stored: SqlValue) => Value;

export interface CodedColumn {
  readonly name: string;
  /** Null for what every update sets. */
  readonly field: string | null;
  readonly encode: Encoder;
}

export function recordCodec(table: Table, catalog: Catalog): RecordCodec {
  const columns = codedColumns(table, catalog);
  const name = quoted(table.sqlName);
  const key = quoted(table.primaryKey);
  const list = columns.map((column) => quoted(column.name)).join(", ");
  const select = selectList(table);
  const updates = new Map<string, RecordUpdate>();
  return {
    table,
    names: columns.map((column) => column.name),
    columns: select,
    selectSql: `SELECT ${select} FROM ${name} WHERE ${key} = ?1`,
    insertSql: `INSERT INTO ${name} (${list}) VALUES (${columns.map(() => "?").join(", ")})`,
    updateSql: `UPDATE ${name} SET ${assignments(columns)} WHERE ${key} = ?`,
    deleteSql: `DELETE FROM ${name} WHERE ${key} = ?1`,
    encode: (values, version, expires) => columns.map((column) => column.encode(values, version, expires)),
    update(fields) {
      const signature = fields.join(" ");
      let update = updates.get(signature);
      if (update === undefined) {
        update = partialUpdate(table, columns, new Set(fields));
        // As many shapes as clients send; beyond that they are made anew.
        if (updates.size < 256) updates.set(signature, update);
      }
      return update;
    },
    decode: rowDecoder(table, catalog),
    key: (id) => id as SqlValue,
  };
}

function partialUpdate(table: Table, columns: readonly CodedColumn[], fields: ReadonlySet<string>): RecordUpdate {
  const set = columns.filter((column) => column.field === null || fields.has(column.field));
  const key = table.primaryKey;
  return {
    sql: `UPDATE ${quoted(table.sqlName)} SET ${assignments(set)} WHERE ${quoted(key)} = ?`,
    encode(values, version, expires) {
      const parameters = set.map((column) => column.encode(values, version, expires));
      parameters.push(values[key] as SqlValue);
      return parameters;
    },
  };
}

function assignments(columns: readonly CodedColumn[]): string {
  return columns.map((column) => `${quoted(column.name)} = ?`).join(", ");
}

function codedColumns(table: Table, catalog: Catalog): CodedColumn[] {
  const columns: CodedColumn[] = [];
  for (const field of storedFields(table)) columns.push(...fieldColumns(field, catalog));
  for (const name of foldFields(table)) columns.push({ name: foldColumn(name), field: name, encode: foldEncoder(name) });
  columns.push({ name: VERSION_COLUMN, field: null, encode: (_values, version) => version });
  if (table.open) columns.push({ name: OPEN_COLUMN, field: null, encode: (values) => undeclaredText(values, table) });
  if (hasExpiry(table)) columns.push({ name: EXPIRES_COLUMN, field: null, encode: (_values, _version, expires) => expires });
  return columns;
}

/** The field's own column and the companion that is compared in its stead. */
export function fieldColumns(field: Field, catalog: Catalog): CodedColumn[] {
  const own = { name: field.name, field: field.name, encode: fieldEncoder(field, catalog) };
  const companion = companionEncoder(field);
  return companion === null ? [own] : [own, { name: keyColumn(field.name), field: field.name, encode: companion }];
}

function fieldEncoder({ name, type }: Field, catalog: Catalog): Encoder {
  if (isJsonColumn(type)) {
    return (values) => {
      const value = values[name] ?? null;
      return value === null ? null : JSON.stringify(toWireValue(value, type, catalog));
    };
  }
  if (type.kind === "scalar" && type.name === "Boolean") {
    return (values) => {
      const value = values[name] ?? null;
      return value === null ? null : Number(value);
    };
  }
  return (values) => (values[name] ?? null) as SqlValue;
}

/** The column that SQLite compares in the field's stead; null where the field has none. */
function companionEncoder({ name, type }: Field): Encoder | null {
  const companion = keyCompanion(type);
  if (companion === null) return null;
  const convert = { decimal: (value: Value) => decimalKey(value as string), duration: (value: Value) => durationMs(value as string), vector: vectorBytes }[companion];
  return (values) => {
    const value = values[name] ?? null;
    return value === null ? null : convert(value);
  };
}

/** float32, little-endian on every machine, as sqlite-vec reads it. */
function vectorBytes(value: Value): Uint8Array {
  const numbers = value as readonly number[];
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, index) => view.setFloat32(index * 4, number, true));
  return bytes;
}

function foldEncoder(name: string): Encoder {
  return (values) => {
    const value = values[name] ?? null;
    return value === null ? null : foldCase(value as string);
  };
}

/** A Long comes as text: SQLite's integers reach JavaScript as doubles. */
function selectList(table: Table): string {
  const items = storedFields(table).map(({ name, type }) => (isLong(type) ? `CAST(${quoted(name)} AS TEXT)` : quoted(name)));
  items.push(quoted(VERSION_COLUMN));
  items.push(hasExpiry(table) ? quoted(EXPIRES_COLUMN) : "NULL");
  if (table.open) items.push(quoted(OPEN_COLUMN));
  return items.join(", ");
}

function rowDecoder(table: Table, catalog: Catalog): (row: readonly SqlValue[]) => StoredRow {
  const fields = storedFields(table);
  const names = fields.map((field) => field.name);
  const decoders = fields.map((field) => fieldDecoder(field.type, catalog));
  const count = names.length;
  const since = representedSince(catalog, table.sqlName);
  return (row) => {
    const values: { [field: string]: Value } = table.open ? openValues(row[count + 2] as string | null) : {};
    for (let index = 0; index < count; index++) {
      const stored = row[index]!;
      const decode = decoders[index]!;
      values[names[index]!] = stored === null || decode === null ? (stored as Value) : decode(stored);
    }
    const written = row[count] as number;
    const expires = row[count + 1] as string | null;
    return written >= since ? { values, version: written, expires } : { values, version: since, written, expires };
  };
}

/** Undeclared names may be anything, `__proto__` too: no prototype. */
function openValues(text: string | null): { [field: string]: Value } {
  const values = Object.create(null) as { [field: string]: Value };
  if (text !== null) Object.assign(values, JSON.parse(text));
  return values;
}

/** Null: the stored form is the memory form. */
function fieldDecoder(type: TypeRef, catalog: Catalog): Decoder | null {
  if (isJsonColumn(type)) return (stored) => fromWireValue(JSON.parse(stored as string) as Json, type, catalog);
  if (isLong(type)) return (stored) => BigInt(stored as string);
  return type.kind === "scalar" && type.name === "Boolean" ? (stored) => stored === 1 : null;
}

function isLong(type: TypeRef): boolean {
  return !type.list && type.kind === "scalar" && type.name === "Long";
}
