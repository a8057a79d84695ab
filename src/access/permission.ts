// The algebra of permissions: OR of several @allow, AND of a field's with its type's. Three-valued only through expressions.
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { Permission } from "../tables/authority.ts";

export function anyOf(permissions: readonly Permission[]): Permission {
  if (permissions.includes(true)) return true;
  const operands = distinct(permissions.filter((permission) => permission !== false && permission !== true));
  return operands.length === 0 ? false : operands.length === 1 ? operands[0]! : { op: "or", operands };
}

export function allOf(permissions: readonly Permission[]): Permission {
  if (permissions.includes(false)) return false;
  const operands = distinct(permissions.filter((permission) => permission !== false && permission !== true));
  return operands.length === 0 ? true : operands.length === 1 ? operands[0]! : { op: "and", operands };
}

/** As a filter: null admits everything. */
export function asFilter(permission: Permission): Expression | null {
  return permission === true ? null : permission === false ? never : permission;
}

/** Both filters; null admits everything. */
export function bothFilters(left: Expression | null, right: Expression | null): Expression | null {
  if (left === null || right === null) return left ?? right;
  return { op: "and", operands: [left, right] };
}

export const never: Expression = { op: "literal", type: { kind: "bool" }, value: false };

/** `then` where the permission holds, else null; for whoever may not see the value it is as if there were none. */
export function masked(permission: Permission, then: Expression, type: ExpressionType): Expression {
  if (permission === true) return then;
  const nothing: Expression = { op: "literal", type, value: null };
  return permission === false ? nothing : { op: "conditional", type, condition: permission, then, otherwise: nothing };
}

/** The same compiled rule is one object, so equal rules on several fields are asked once. */
function distinct(permissions: readonly Expression[]): Expression[] {
  return [...new Set(permissions)];
}
