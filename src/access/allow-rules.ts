// One @allow for one set of roles: does it apply, and under which condition. Roles granted within a record become `exists`.
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { typeOfField } from "../expression/field-type.ts";
import type { AllowRule, Catalog, Grants, Table } from "../schema/catalog.ts";
import type { Permission } from "../tables/authority.ts";
import { ownTenant } from "./confine.ts";
import { allOf, anyOf } from "./permission.ts";

/** Roles of a caller, the implied `public` and `authenticated` among them. */
export type RoleSet = ReadonlySet<string>;

export interface RuleContext { readonly catalog: Catalog; readonly book: ExpressionBook; readonly roles: RoleSet }

/** The row of a @grants table inside the rule that asks for it. */
const GRANT_ROW = "$grant";

/** Several rules are OR-ed; none: denied. `table` is where the rules stand, null for an endpoint. */
export function permissionOf(rules: readonly AllowRule[], table: Table | null, context: RuleContext): Permission {
  return anyOf(rules.map((rule) => rulePermission(rule, table, context)));
}

function rulePermission(rule: AllowRule, table: Table | null, context: RuleContext): Permission {
  const where: Permission = rule.where === null ? true : context.book.of(rule.where);
  if (rule.on === null) return rule.to.some((role) => context.roles.has(role)) ? where : false;
  if (table === null || !context.roles.has("authenticated")) return false;
  return allOf([grantedWithin(rule, rule.on, table, context.catalog), where]);
}

/** The caller holds one of the rule's roles in the record that the path leads to. */
function grantedWithin(rule: AllowRule, path: readonly string[], table: Table, catalog: Catalog): Permission {
  const target = targetOf(path, table, catalog);
  if (target === null) return false;
  return anyOf([...catalog.tables.values()].map((candidate) => {
    const { grants } = candidate;
    if (grants === null || grants.table !== target.name) return false;
    const roles = rolesThatInclude(rule.to, grants);
    return roles.length === 0 ? false : grantExists(candidate, grants, roles, { path, table, target }, catalog);
  }));
}

function targetOf(path: readonly string[], table: Table, catalog: Catalog): Table | null {
  let current: Table | undefined = table;
  for (const step of path) {
    const relation: string | undefined = current?.fields.get(step)?.relation?.table;
    current = relation === undefined ? undefined : catalog.tables.get(relation);
  }
  return current ?? null;
}

/** Values of the role enum that carry one of `wanted`; in an ordered one each role includes those before it. */
function rolesThatInclude(wanted: readonly string[], grants: Grants): string[] {
  const positions = wanted.map((role) => grants.roles.findIndex((value) => value.toLowerCase() === role)).filter((position) => position >= 0);
  if (!grants.ordered) return grants.roles.filter((_, index) => positions.includes(index));
  return positions.length === 0 ? [] : grants.roles.slice(Math.min(...positions));
}

interface GrantPlace { readonly path: readonly string[]; readonly table: Table; readonly target: Table }

function grantExists(table: Table, grants: Grants, roles: readonly string[], place: GrantPlace, catalog: Catalog): Expression {
  const text = { kind: "string" } as const;
  const column = (name: string): Expression => ({
    op: "field", type: typeOfField(table.fields.get(name)!.type, catalog), row: GRANT_ROW, table: table.name, path: [], field: name, within: [],
  });
  const key = place.target.fields.get(place.target.primaryKey)!;
  const record: Expression = {
    op: "field", type: typeOfField(key.type, catalog), row: "record", table: place.table.name, path: place.path, field: key.name, within: [],
  };
  const subject: Expression = { op: "variable", type: text, root: "auth", path: ["subject"] };
  const items = roles.map((value): Expression => ({ op: "literal", type: text, value }));
  // Subjects of two tenants may have one name.
  const tenant = ownTenant(table, catalog, GRANT_ROW);
  return {
    op: "exists", table: table.name, row: GRANT_ROW,
    where: { op: "and", operands: [
      ...(typeof tenant === "boolean" ? [] : [tenant]),
      { op: "compare", comparison: "eq", left: column(grants.on), right: record },
      { op: "compare", comparison: "eq", left: column(grants.subject), right: subject },
      { op: "in", item: column(grants.role), list: { op: "list", type: { kind: "list", item: text }, items } },
    ] },
  };
}
