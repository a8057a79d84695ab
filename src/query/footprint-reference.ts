// How the rows of two tables hang together, for footprints: by foreign keys that lead to a record which is there, by keys in an answer.
import type { Expression, RowName } from "../expression/expression.ts";
import type { Relation, Table } from "../schema/catalog.ts";
import type { JudgedRow } from "./footprint-predicate.ts";
import type { Plan } from "./plan.ts";

/** A level's place in the answer; null where its rows cannot be found there. */
export type AnswerPlace = readonly string[] | null;

export interface ParentKeys {
  /** Field of this table. */
  readonly field: string;
  /** Names under which the embeds stand, from the rows of the answer inwards. */
  readonly embeds: readonly string[];
  /** Under which each of those rows has the key. */
  readonly name: string;
}

/** Null: the answer does not have them, or not on every row. */
export function parentKeys(plan: Plan, relation: Relation, place: AnswerPlace): ParentKeys | null {
  if (place === null || plan.grouped) return null;
  const item = plan.select.find((one) => one.kind === "value" && one.cast === null && one.visibleWhen === null && isOwnField(one.value, relation.from));
  return item === undefined || item.kind !== "value" ? null : { field: relation.to, embeds: place, name: item.alias };
}

function isOwnField(value: Expression, field: string): boolean {
  return value.op === "field" && value.row === "record" && value.path.length === 0 && value.within.length === 0 && value.field === field;
}

/** The table that a field of this one refers to. */
export function refersBy(table: Table, field: string): string | null {
  for (const { relation } of table.fields.values()) if (relation?.kind === "one" && relation.from === field) return relation.table;
  return null;
}

/** The rows looked for are those that a foreign key of a row around leads to. */
export function isReference(where: Expression, { row, table }: JudgedRow, rows: ReadonlyMap<RowName, { readonly table: Table }>): boolean {
  const operands = where.op === "and" ? where.operands : [where];
  const isKey = (side: Expression): boolean => side.op === "field" && side.row === row && side.path.length === 0 && side.field === table.primaryKey;
  const refers = (side: Expression): boolean => {
    if (side.op !== "field" || side.row === row || side.path.length > 0) return false;
    const around = rows.get(side.row);
    return around !== undefined && refersBy(around.table, side.field) === table.name;
  };
  return operands.some((operand) => operand.op === "compare" && operand.comparison === "eq"
    && ((isKey(operand.left) && refers(operand.right)) || (isKey(operand.right) && refers(operand.left))));
}
