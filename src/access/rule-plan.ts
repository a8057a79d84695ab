// Adds one caller's READ rules to a plan: to each level's rows, to each field that is readable on some records only, and to
// each relation that a filter passes. Rules themselves are read without rules; what the caller wrote is not.
import type { Expression } from "../expression/expression.ts";
import type { OrderTerm, Plan, SearchClause, SelectItem } from "../query/plan.ts";
import type { Field, Relation, Table } from "../schema/catalog.ts";
import type { Permission } from "../tables/authority.ts";
import { typeOfField } from "../expression/field-type.ts";
import { allOf, asFilter, bothFilters, never } from "./permission.ts";
import { presentRights } from "./present-rights.ts";
import { keptTenants } from "./kept-tenants.ts";
import { linkFilter, moved, relatedFilter } from "./role-rights.ts";
import { readCondition, ruleExpression, type RuleReader } from "./rule-expression.ts";

/** The plan as this reader may run it. Its expressions must come from the caller, not from rules. */
export function rulePlan(plan: Plan, reader: RuleReader): Plan {
  const ruled: RuleReader = plan.asof === undefined ? reader : { ...reader, rights: presentRights(reader.rights) };
  return ruleLevel(plan, ruled, ruled.rights.table(plan.table).read);
}

function ruleLevel(plan: Plan, reader: RuleReader, rows: Permission): Plan {
  const table = reader.rights.catalog.tables.get(plan.table);
  if (table === undefined) return { ...plan, filter: never };
  const rule = (expression: Expression): Expression => ruleExpression(expression, reader);
  return {
    ...plan,
    select: plan.select.map((item) => ruleItem(item, plan, table, reader)),
    filter: bothFilters(plan.filter === null ? null : rule(plan.filter), asFilter(rows)),
    order: plan.order.map((term): OrderTerm => ({ ...term, value: rule(term.value) })),
    search: plan.search === null ? null : ruleSearch(plan.search, table, reader),
    similar: plan.similar === null ? null : { ...plan.similar, visibleWhen: asFilter(reader.rights.fieldRead(table.name, plan.similar.field, reader.code)) },
  };
}

function ruleItem(item: SelectItem, plan: Plan, table: Table, reader: RuleReader): SelectItem {
  switch (item.kind) {
    case "open": return item;
    case "aggregate": return item.value === null ? item : { ...item, value: ruleExpression(item.value, reader) };
    // A group is of the values that the caller sees; there the mask is part of the key.
    case "value": return plan.grouped ? { ...item, value: ruleExpression(item.value, reader) }
      : { ...item, visibleWhen: bothFilters(item.visibleWhen, asFilter(readCondition(item.value, reader))) };
    case "embed": {
      const field = table.fields.get(item.relation);
      if (field?.relation === undefined || field.relation === null) return { ...item, visibleWhen: never };
      return {
        ...item,
        plan: ruleLevel(item.plan, reader, relatedFilter(reader.rights, field.relation, reader.code)),
        visibleWhen: bothFilters(item.visibleWhen, asFilter(reader.rights.relation(table, field, reader.code))),
        linkFilter: asFilter(linkFilter(reader.rights, field.relation, reader.code)),
      };
    }
  }
}

function ruleSearch(search: SearchClause, table: Table, reader: RuleReader): SearchClause {
  return {
    ...search,
    paths: search.paths.map((entry) => ({ ...entry, visibleWhen: bothFilters(entry.visibleWhen, asFilter(searchPermission(entry.path, table, reader))) })),
  };
}

/** On the row that holds the text. */
function searchPermission(path: readonly string[], table: Table, reader: RuleReader): Permission {
  const steps: Step[] = [];
  let current = table;
  for (const name of path.slice(0, -1)) {
    const field = current.fields.get(name);
    const next = field?.relation === undefined || field.relation === null ? undefined : reader.rights.catalog.tables.get(field.relation.table);
    if (field?.relation === undefined || field.relation === null || next === undefined) return false;
    steps.push({ from: current, field, relation: field.relation, to: next });
    current = next;
  }
  return allOf([...rowsOnTheWay(steps, reader), reader.rights.fieldRead(current.name, path[path.length - 1]!, reader.code)]);
}

interface Step { readonly from: Table; readonly field: Field; readonly relation: Relation; readonly to: Table }

/** The row that holds the text, and each row between it and the one that is searched for, must be readable. */
function rowsOnTheWay(steps: readonly Step[], reader: RuleReader): Permission[] {
  const kept = keptTenants(steps, reader.rights.catalog);
  return steps.map((step, index): Permission => {
    const followed = reader.rights.relation(step.from, step.field, reader.code);
    // A condition on the relation itself is over the row it starts from; only relations to many without one are searched.
    if (followed !== true || linkFilter(reader.rights, step.relation, reader.code, kept.links[index]) !== true) return false;
    const rows = relatedFilter(reader.rights, step.relation, reader.code, kept.rows[index]);
    if (rows === true || rows === false) return rows;
    return fromTheText(rows, steps.slice(index + 1), reader);
  });
}

/** `rows`, a rule over a row in the middle, as one over the row that holds the text. */
function fromTheText(rows: Expression, rest: readonly Step[], reader: RuleReader): Permission {
  let rule = rows;
  for (const [index, step] of rest.entries()) {
    // Backwards only a foreign key is unambiguous; through a join table the row in the middle is not known.
    if (step.relation.kind !== "many") return false;
    const row = `$search${rest.length - index}`;
    rule = parentHolds(rule, step, row, reader);
  }
  return rule;
}

function parentHolds(rule: Expression, step: Step, row: string, reader: RuleReader): Expression {
  const column = (table: Table, name: string, of: string): Expression => ({
    op: "field", type: typeOfField(table.fields.get(name)!.type, reader.rights.catalog), row: of, table: table.name, path: [], field: name, within: [],
  });
  const isParent: Expression = { op: "compare", comparison: "eq", left: column(step.from, step.relation.from, row), right: column(step.to, step.relation.to, "record") };
  const holds = moved(rule, { row, table: step.from.name, path: [] }) as Expression;
  return { op: "exists", table: step.from.name, row, where: { op: "and", operands: [isParent, holds] } };
}
