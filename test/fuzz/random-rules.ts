// Rules over other records, as access/ puts them into plans: relation paths, records that exist, join rows; in filters and masks.
import type { Expression, RowName } from "../../src/expression/expression.ts";
import { typeOfField } from "../../src/expression/field-type.ts";
import type { Plan, SelectItem } from "../../src/query/plan.ts";
import { conjunction } from "../../src/query/related-exists.ts";
import type { Catalog, Relation, Table } from "../../src/schema/catalog.ts";
import type { Dice } from "./dice.ts";

export interface RuleScope { readonly catalog: Catalog; readonly dice: Dice }

export function withRandomRules(plan: Plan, scope: RuleScope): Plan {
  const { dice, catalog } = scope;
  const table = catalog.tables.get(plan.table)!;
  const mask = (probability: number): Expression | null => (dice.chance(probability) ? randomRule("record", table, scope, 0) : null);
  return {
    ...plan,
    filter: conjunction([plan.filter, mask(0.6)]),
    order: plan.order.map((term) => (term.item === undefined && dice.chance(0.1) ? { ...term, value: masked(mask(1)!, term.value) } : term)),
    select: plan.select.map((item): SelectItem => {
      if (item.kind === "value") return plan.grouped ? item : { ...item, visibleWhen: mask(0.1) };
      if (item.kind !== "embed") return item;
      const { relation } = table.fields.get(item.relation)!;
      const link = relation!.through === null ? null : catalog.tables.get(relation!.through.table)!;
      return {
        ...item, visibleWhen: mask(0.15), plan: withRandomRules(item.plan, scope),
        linkFilter: link !== null && dice.chance(0.3) ? randomRule("record", link, scope, 0) : null,
      };
    }),
  };
}

function masked(condition: Expression, then: Expression): Expression {
  const type = "type" in then ? then.type : { kind: "bool" as const };
  // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
  return { op: "conditional", type, condition, then, otherwise: { op: "literal", type, value: null } };
}

let rows = 0;

/** Over fields that every table of a fuzz app has. */
export function randomRule(row: RowName, table: Table, scope: RuleScope, depth: number): Expression {
  const { dice } = scope;
  const roll = depth > 2 ? 0 : dice.below(10);
  if (roll < 4) return ownRule(row, table, dice);
  if (roll < 5) return { op: "not", operand: randomRule(row, table, scope, depth + 1) };
  if (roll < 7) return { op: dice.pick(["and", "or"]), operands: [randomRule(row, table, scope, depth + 1), randomRule(row, table, scope, depth + 1)] };
  const relations = [...table.fields.values()].filter((field) => field.relation !== null && field.relation.through === null);
  if (relations.length === 0) return ownRule(row, table, dice);
  const field = dice.pick(relations);
  const relation = field.relation!;
  if (relation.kind === "one" && dice.chance(0.5)) return pathRule(row, table, field.name, dice);
  return existsRule(row, table, relation, scope, depth);
}

const NOW: Expression = { op: "now", type: { kind: "timestamp" } };

/** On a stored instant, now or somewhat off. */
function timeRule(row: RowName, table: Table, dice: Dice): Expression | null {
  const instants = [...table.fields.values()].filter(({ kind, type }) => kind === "stored" && type.name === "DateTime" && !type.list);
  if (instants.length === 0) return null;
  const amount: Expression = { op: "literal", type: { kind: "duration" }, value: dice.pick(["PT0.001S", "P10D", "P200D"]) };
  const instant: Expression = dice.chance(0.4) ? NOW : { op: "arithmetic", type: { kind: "timestamp" }, operator: dice.pick(["+", "-"]), left: NOW, right: amount };
  const field = fieldOf(row, table, dice.pick(instants).name, { kind: "timestamp" });
  const comparison = dice.pick(["lt", "le", "gt", "ge"] as const);
  return dice.chance(0.5) ? { op: "compare", comparison, left: field, right: instant } : { op: "compare", comparison, left: instant, right: field };
}

function ownRule(row: RowName, table: Table, dice: Dice): Expression {
  const timed = dice.chance(0.15) ? timeRule(row, table, dice) : null;
  if (timed !== null) return timed;
  const order = fieldOf(row, table, "order", { kind: "int" });
  const color = fieldOf(row, table, "color", { kind: "string" });
  return dice.pick<Expression>([
    { op: "compare", comparison: "ge", left: order, right: literal({ kind: "int" }, 1) },
    { op: "compare", comparison: "eq", left: color, right: literal({ kind: "string" }, "RED") },
    { op: "in", item: color, list: { op: "list", type: { kind: "list", item: { kind: "string" } }, items: [literal({ kind: "string" }, "RED"), literal({ kind: "string" }, "BLUE")] } },
    { op: "compare", comparison: "eq", left: fieldOf(row, table, "twice", { kind: "int" }), right: literal({ kind: "int" }, 2) },
    { op: "not", operand: { op: "is-null", operand: color } },
  ]);
}

function pathRule(row: RowName, table: Table, step: string, dice: Dice): Expression {
  const order: Expression = { op: "field", type: { kind: "int" }, row, table: table.name, path: [step], field: dice.pick(["order", "twice"]), within: [] };
  return dice.chance(0.3) ? { op: "is-null", operand: order } : { op: "compare", comparison: dice.pick(["ge", "ne"]), left: order, right: literal({ kind: "int" }, 1) };
}

function existsRule(row: RowName, table: Table, relation: Relation, scope: RuleScope, depth: number): Expression {
  const { catalog } = scope;
  const other = catalog.tables.get(relation.table)!;
  const inside = `x${rows++}`;
  const key = (of: RowName, from: Table, name: string): Expression => fieldOf(of, from, name, typeOfField(from.fields.get(name)!.type, catalog));
  const join: Expression = { op: "compare", comparison: "eq", left: key(inside, other, relation.to), right: key(row, table, relation.from) };
  return { op: "exists", table: other.name, row: inside, where: { op: "and", operands: [join, randomRule(inside, other, scope, depth + 1)] } };
}

function fieldOf(row: RowName, table: Table, field: string, type: Extract<Expression, { op: "field" }>["type"]): Expression {
  return { op: "field", type, row, table: table.name, path: [], field, within: [] };
}

function literal(type: Extract<Expression, { op: "literal" }>["type"], value: string | number): Expression {
  return { op: "literal", type, value };
}
