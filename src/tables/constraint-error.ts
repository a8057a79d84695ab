// The problems of broken constraints: which one, over which fields, where in the input. Names only what the writer may read.
import { fault, type AmbitError } from "../base/error.ts";
import type { TableModel, UniqueKey } from "./table-model.ts";
import { rightsOf } from "./write-context.ts";
import type { Writer } from "./overlay.ts";

/** SQLite's last word on a statement; null for anything that is not a broken constraint. */
export interface SqlConstraint {
  readonly kind: "unique" | "reference" | "other";
  /** Names the columns of a unique index, qualified. */
  readonly message: string;
  readonly error: unknown;
}

export function sqlConstraint(error: unknown): SqlConstraint | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string" || !error.code.startsWith("SQLITE_CONSTRAINT")) return null;
  // RESTRICT is reported as if a trigger had raised it.
  const kind = /_(UNIQUE|PRIMARYKEY|ROWID)$/.test(error.code) ? "unique" : error.message.startsWith("FOREIGN KEY") ? "reference" : "other";
  return { kind, message: error.message, error };
}

/** The key that SQLite's message speaks of: `UNIQUE constraint failed: T.a, T.b`. Null: the primary key. */
export function brokenKey(model: TableModel, message: string): UniqueKey | null {
  const prefix = `${model.table.sqlName}.`;
  const columns = message.slice(message.indexOf(": ") + 2).split(", ").map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name)).join(" ");
  return model.uniqueKeys.find((key) => key.columns.join(" ") === columns) ?? null;
}

/** `key` null: the primary key. */
export function uniqueViolation(model: TableModel, key: UniqueKey | null, writer: Writer): AmbitError {
  const { name, primaryKey } = model.table;
  const fields = key === null ? [primaryKey] : key.declared.map((field) => field.name);
  if (!mayName(model, fields, writer)) return fault("UNIQUE_VIOLATION", `A unique value of ${name} is taken.`, { details: { table: name } });
  const details = { constraint: `${name}(${fields.join(",")})`, fields, table: name };
  const message = fields.length === 1 ? `Another record of ${name} has this ${fields[0]}.` : `Another record of ${name} has these ${fields.join(", ")}.`;
  return fault("UNIQUE_VIOLATION", message, { details, where: fields[0]! });
}

/** The record that `field` names does not exist, for this writer. */
export function missingReference(model: TableModel, field: string, target: string, writer: Writer): AmbitError {
  const { name } = model.table;
  if (!mayName(model, [field], writer)) return fault("REFERENCE_VIOLATION", `A record that ${name} refers to does not exist.`, { details: { table: name } });
  const details = { constraint: `${name}.${field}`, fields: [field], table: name };
  const named = isReadable(target, writer) ? `a record of ${target}` : "a record";
  return fault("REFERENCE_VIOLATION", `${field} names ${named} that does not exist.`, { details, where: field });
}

/** A record of `referrer` still points to one of `model` that shall go. */
export function stillReferenced(model: TableModel, referrer: TableModel, field: string, writer: Writer): AmbitError {
  const { name } = model.table;
  const other = referrer.table.name;
  if (!isReadable(other, writer) || !mayName(referrer, [field], writer)) return fault("REFERENCE_VIOLATION", `This record of ${name} is still referred to.`, { details: { table: name } });
  const details = { constraint: `${other}.${field}`, fields: [field], table: other };
  return fault("REFERENCE_VIOLATION", `Records of ${other} still refer to this record of ${name}.`, { details });
}

/** The same where what refers to it is out of sight altogether. */
export function stillReferencedElsewhere({ table: { name } }: TableModel): AmbitError {
  return fault("REFERENCE_VIOLATION", `This record of ${name} is still referred to.`, { details: { table: name } });
}

/** Some of its records, so that its name may be told. */
function isReadable(table: string, { authority }: Writer): boolean {
  return authority === null || authority.table(table).read !== false;
}

function mayName(model: TableModel, fields: readonly string[], { authority }: Writer): boolean {
  const rights = rightsOf({ authority }, model.table.name);
  return rights === null || fields.every((name) => rights.field(name).read !== false && model.table.fields.get(name)?.internal !== true);
}
