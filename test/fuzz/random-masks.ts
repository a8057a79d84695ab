// Masks as access/ puts them into plans: items, embeds, searched texts and vectors that are hidden on some records.
import type { Expression } from "../../src/expression/expression.ts";
import type { Plan, SelectItem } from "../../src/query/plan.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./naive-world.ts";

export function withRandomMasks(plan: Plan, world: World, dice: Dice): Plan {
  const mask = (): Expression | null => (dice.chance(0.4) ? randomMask(plan.table, dice) : null);
  return {
    ...plan,
    filter: dice.chance(0.2) ? conjunction(plan.filter, randomMask(plan.table, dice)) : plan.filter,
    select: plan.select.map((item): SelectItem => {
      if (item.kind === "value") return plan.grouped ? item : { ...item, visibleWhen: mask() };
      if (item.kind !== "embed") return item;
      return { ...item, visibleWhen: dice.chance(0.2) ? randomMask(plan.table, dice) : null, plan: withRandomMasks(item.plan, world, dice) };
    }),
    search: plan.search === null ? null : {
      ...plan.search,
      paths: plan.search.paths.map((path) => ({ ...path, visibleWhen: dice.chance(0.4) ? randomMask(holderOf(path.path, plan.table, world), dice) : null })),
    },
    similar: plan.similar === null ? null : { ...plan.similar, visibleWhen: mask() },
  };
}

/** The table of the row that holds the text. */
function holderOf(path: readonly string[], table: string, world: World): string {
  return path.slice(0, -1).reduce((at, step) => world.table(at).fields.get(step)!.relation!.table, table);
}

function conjunction(left: Expression | null, right: Expression): Expression {
  return left === null ? right : { op: "and", operands: [left, right] };
}

/** Over fields that every table of a fuzz app has; sometimes unknown, sometimes of the caller alone. */
function randomMask(table: string, dice: Dice): Expression {
  const order: Expression = { op: "field", type: { kind: "int" }, row: "record", table, path: [], field: "order", within: [] };
  const color: Expression = { op: "field", type: { kind: "string" }, row: "record", table, path: [], field: "color", within: [] };
  const subject: Expression = { op: "variable", type: { kind: "string" }, root: "auth", path: [dice.pick(["subject", "tenant"])] };
  return dice.pick<Expression>([
    { op: "compare", comparison: "ge", left: order, right: { op: "literal", type: { kind: "int" }, value: 1 } },
    { op: "compare", comparison: "eq", left: color, right: { op: "literal", type: { kind: "string" }, value: "RED" } },
    { op: "compare", comparison: "eq", left: subject, right: { op: "literal", type: { kind: "string" }, value: "u1" } },
    { op: "not", operand: { op: "is-null", operand: color } },
    { op: "literal", type: { kind: "bool" }, value: false },
  ]);
}
