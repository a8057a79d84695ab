// Puts a caller's READ rules into an expression that the caller wrote: what they may not see reads as null, related records
// that they may not read do not exist. Never applied to the rules themselves.
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { Permission } from "../tables/authority.ts";
import { allOf, asFilter, bothFilters, masked, never } from "./permission.ts";
import { partsOf } from "../expression/inspect.ts";
import { mapParts } from "./rewrite-expression.ts";
import { moved, pathPermission, type RoleRights } from "./role-rights.ts";

/** `code`: app code asks, which also reads internal fields. */
export interface RuleReader { readonly rights: RoleRights; readonly code: boolean }

type FieldNode = Extract<Expression, { op: "field" }>;
type IndexedNode = Extract<Expression, { op: "text-search" | "near" }>;

const BOOL: ExpressionType = { kind: "bool" };
/** Each further condition of its own doubles a text search; beyond this the fields are searched together or not at all. */
const SEPARATE_CONDITIONS_MAX = 3;

export function ruleExpression(expression: Expression, reader: RuleReader): Expression {
  switch (expression.op) {
    case "field": return masked(fieldPermission(expression, reader), expression, expression.type);
    case "exists": {
      const rows = asFilter(moved(reader.rights.table(expression.table).read, { row: expression.row, table: expression.table, path: [] }));
      return { ...expression, where: bothFilters(ruleExpression(expression.where, reader), rows) ?? never };
    }
    case "near": return masked(allOf(indexedPermissions(expression, reader)), expression, BOOL);
    case "text-search": return ruleTextSearch(expression, reader);
    default: return mapParts(expression, (child) => ruleExpression(child, reader));
  }
}

/** Under which condition all that the expression reads of its rows may be seen. */
export function readCondition(expression: Expression, reader: RuleReader): Permission {
  const own = expression.op === "field" ? [fieldPermission(expression, reader)] : [];
  return allOf([...own, ...partsOf(expression).map((part) => readCondition(part, reader))]);
}

function fieldPermission(node: FieldNode, reader: RuleReader): Permission {
  const { catalog } = reader.rights;
  let table = catalog.tables.get(node.table);
  if (table === undefined) return false;
  const way = pathPermission(reader.rights, { row: node.row, table, path: node.path }, reader.code);
  for (const step of node.path) table = catalog.tables.get(table?.fields.get(step)?.relation?.table ?? "");
  if (table === undefined) return false;
  return allOf([way, moved(reader.rights.fieldRead(table.name, node.field, reader.code), { row: node.row, table: node.table, path: node.path })]);
}

function indexedPermissions(node: IndexedNode, reader: RuleReader): Permission[] {
  return node.fields.map((field) => moved(reader.rights.fieldRead(node.table, field, reader.code), { row: node.row, table: node.table, path: [] }));
}

/** On each record only those of the fields are searched that the caller may read there. */
function ruleTextSearch(node: Extract<Expression, { op: "text-search" }>, reader: RuleReader): Expression {
  const permissions = indexedPermissions(node, reader);
  const always = node.fields.filter((_, index) => permissions[index] === true);
  const groups = new Map<Expression, string[]>();
  for (const [index, permission] of permissions.entries()) {
    if (typeof permission === "boolean") continue;
    const earlier = groups.get(permission);
    if (earlier === undefined) groups.set(permission, [node.fields[index]!]);
    else earlier.push(node.fields[index]!);
  }
  const conditions = [...groups];
  if (conditions.length <= SEPARATE_CONDITIONS_MAX) return searchWhere(node, always, conditions);
  const all = allOf(conditions.map(([condition]) => condition)) as Expression;
  return searchWhere(node, always, [[all, conditions.flatMap(([, fields]) => fields)]]);
}

function searchWhere(
  node: Extract<Expression, { op: "text-search" }>, fields: readonly string[], rest: readonly (readonly [Expression, readonly string[]])[],
): Expression {
  const [first, ...others] = rest;
  if (first === undefined) {
    if (fields.length === 0) return { op: "literal", type: BOOL, value: null };
    // In the order of the node, so that equal searches are equal text.
    return fields.length === node.fields.length ? node : { ...node, fields: node.fields.filter((field) => fields.includes(field)) };
  }
  return {
    op: "conditional", type: BOOL, condition: first[0],
    then: searchWhere(node, [...fields, ...first[1]], others), otherwise: searchWhere(node, fields, others),
  };
}
