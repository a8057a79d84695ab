// What was sent to a channel becomes its message: read, filled and refused exactly as the input of a new record is. Stores nothing.
import type { Limits } from "../base/limits.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Authority, TableAuthority } from "./authority.ts";
import type { Confinement } from "./confinement.ts";
import { newMessage } from "./fill-record.ts";
import { invalid, missing } from "./input-issue.ts";
import { checkGuarded } from "./judge.ts";
import { readInput } from "./read-input.ts";
import type { TableModel } from "./table-model.ts";
import type { FillContext } from "./write-context.ts";
import type { Dialect, RawInput } from "./write.ts";

export interface MessageRequest {
  readonly model: TableModel;
  readonly input: RawInput;
  readonly dialect: Dialect;
  /** Null: without rules; then what the runtime fills may be set, too. */
  readonly authority: Authority | null;
}

export interface MessageParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  readonly source: RecordSource;
  readonly actor: string | null;
  readonly confinement: Confinement | null;
  readonly now: string;
}

export interface ReadMessage {
  readonly values: RecordValues;
  /** What was sent, by field; absent ones are null. */
  readonly sent: { readonly [field: string]: Value };
}

const OPEN_FIELD = { read: true, create: true, update: true } as const;
/** A channel's fields have no rules of their own. */
const OPEN: TableAuthority = { read: true, create: true, update: true, remove: true, field: () => OPEN_FIELD };

/** Throws VALIDATION_FAILED with all that is wrong, READ_ONLY_FIELD. */
export function readMessage({ now, ...parts }: MessageParts, { model, input, dialect, authority }: MessageRequest): ReadMessage {
  const context: FillContext = { ...parts, overlay: { now }, files: null };
  const open: Authority | null = authority === null ? null : { ...authority, table: () => OPEN };
  const write = { dialect, authority: open, sent: null };
  const accepted = readInput(context, { model, input, mode: "create", merge: false, old: null, options: write });
  if (!accepted.values.has(model.primaryKey.name)) throw invalid([missing(model.primaryKey.name)]);
  const values = newMessage(context, model, accepted, write);
  checkGuarded(context, model, { images: { old: null, record: values }, accepted, authority: open });
  return { values, sent: Object.fromEntries(accepted.values) };
}
