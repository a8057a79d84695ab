// A query as something that can be followed: each row has its key, there is no bound but the query's own, and it is known whether
// memory can tell by a change alone what it means for the query.
import { fault } from "../base/error.ts";
import type { Rights } from "../access/rights.ts";
import type { Limits } from "../base/limits.ts";
import type { RecordValues } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isLocal, someIn } from "../expression/inspect.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { fieldWriter, undeclaredText } from "../tables/record-text.ts";
import { keyField } from "./planner.ts";

/** What is asked for. `limit`: the request's own; null: none. */
export interface LiveQuestion { readonly plan: Plan; readonly limit: number | null }

/** Throws NOT_LIVE, and what a read would. Its rows have their key under its own name, unless they are groups. */
export function livePlan({ plan, limit }: LiveQuestion, rights: Rights, { catalog, limits }: { readonly catalog: Catalog; readonly limits: Limits }): Plan {
  if (plan.asof !== undefined) throw fault("NOT_LIVE", "What was does not change.", { where: "asof", fix: "Leave out asof." });
  const bound = limits.subscriptionRows + 1;
  const bounded: Plan = { ...plan, limit: limit === null ? bound : Math.min(limit, bound), count: null };
  if (plan.grouped) return bounded;
  const table = catalog.tables.get(plan.table)!;
  if (rights.authority !== null && !rights.administrator && rights.authority.table(table.name).field(table.primaryKey).read !== true) {
    throw fault("NOT_LIVE", `Records of ${table.exportName ?? table.name} can be told apart by no field that you may always read.`, { fix: "Read the list instead." });
  }
  return { ...bounded, select: withKey(plan.select, table, catalog) };
}

function withKey(select: readonly SelectItem[], table: Table, catalog: Catalog): readonly SelectItem[] {
  const named = select.filter((item) => namesOf(item).includes(table.primaryKey));
  const isKey = (item: SelectItem): boolean => item.kind === "value" && item.field === table.primaryKey && item.cast === null && item.value.op === "field" && item.value.path.length === 0;
  if (named.some((item) => !isKey(item))) {
    throw fault("NOT_LIVE", `${table.primaryKey} must be the record's key in what is followed.`, { where: "select", fix: `Give what you call ${table.primaryKey} another name.` });
  }
  return named.length > 0 ? select : [...select, { kind: "value", alias: table.primaryKey, value: keyField(table, catalog), field: table.primaryKey, cast: null, visibleWhen: null }];
}

/** In the output. */
function namesOf(item: SelectItem): readonly string[] {
  if (item.kind === "open") return [];
  return item.kind === "embed" && item.spread ? item.plan.select.flatMap(namesOf) : [item.alias];
}

/** Rows of an answer that a record alone makes. One for all queries of a plan, whatever their values. */
export interface RowWriter {
  /** JSON text of the row that a record is in the answer; null: it is not among them. */
  write(record: RecordValues, environment: Environment): string | null;
  /** Forgets the texts of the records so far. */
  forget(): void;
}

/** Null where it takes more than the record: its place among others, other records, the time. `plan` is ruled. */
export function rowWriter(plan: Plan, unlimited: boolean, { catalog, book }: { readonly catalog: Catalog; readonly book: ExpressionBook }): RowWriter | null {
  const ranked = plan.search !== null || plan.similar !== null || plan.near !== null;
  if (plan.grouped || !unlimited || plan.offset > 0 || plan.after !== null || ranked) return null;
  const { filter } = plan;
  if (filter !== null && !isOfRecord(filter, book)) return null;
  const table = catalog.tables.get(plan.table)!;
  const members = plan.select.map((item) => memberWriter(item, table, { catalog, book }));
  if (members.some((member) => member === null)) return null;
  // Everybody who sees a record sees the same of it.
  const isShared = plan.select.every((item) => item.kind !== "value" || item.visibleWhen === null);
  const texts = new Map<RecordValues, string>();
  return {
    write(record, environment) {
      const own: Environment = { rows: { record }, variables: environment.variables, now: environment.now, source: null };
      if (filter !== null && !isTrue(filter, own, book)) return null;
      const known = isShared ? texts.get(record) : undefined;
      if (known !== undefined) return known;
      let text = "";
      for (const member of members) text += member!(record, own);
      text = `{${text.slice(1)}}`;
      if (isShared) texts.set(record, text);
      return text;
    },
    forget: () => texts.clear(),
  };
}

/** Text with a comma before it, or none. */
type MemberWriter = (record: RecordValues, environment: Environment) => string;

function memberWriter(item: SelectItem, table: Table, { catalog, book }: { readonly catalog: Catalog; readonly book: ExpressionBook }): MemberWriter | null {
  if (item.kind === "open") return (record) => prefixed(undeclaredText(table, record, true));
  if (item.kind !== "value" || item.cast !== null || item.value.op !== "field") return null;
  const { value, visibleWhen } = item;
  if (value.path.length > 0 || value.within.length > 0 || value.row !== "record" || (visibleWhen !== null && !isOfRecord(visibleWhen, book))) return null;
  const field = table.fields.get(value.field);
  const write = field === undefined ? null : fieldWriter(table, field, catalog, book);
  if (write === null) return null;
  const name = `,${JSON.stringify(item.alias)}:`;
  return (record, environment) => (visibleWhen === null || isTrue(visibleWhen, environment, book) ? name + write(record) : "");
}

function prefixed(text: string): string {
  return text === "" ? "" : `,${text}`;
}

/** By the record and the caller alone. Words and places are judged by indexes. */
function isOfRecord(expression: Expression, book: ExpressionBook): boolean {
  return isLocal(expression, book) && !someIn(expression, (part) => part.op === "now" || part.op === "text-search" || part.op === "near" || isTimedField(part, book));
}

function isTimedField(part: Expression, book: ExpressionBook): boolean {
  const computed = part.op === "field" ? book.computed(part.table, part.field) : null;
  return computed !== null && !isOfRecord(computed, book);
}
