// Test support: a caller's rights put together by hand, with expressions over its record. For tests only.
import type { Expression, ExpressionType } from "../../expression/expression.ts";
import type { Authority, Permission, TableAuthority } from "../authority.ts";

const STRING: ExpressionType = { kind: "string" };

export interface Rights {
  readonly read?: Permission;
  readonly create?: Permission;
  readonly update?: Permission;
  readonly remove?: Permission;
  readonly fields?: { readonly [name: string]: { readonly read?: Permission; readonly create?: Permission; readonly update?: Permission } };
}

/** Whatever is not given is allowed; tables not named are closed. */
export function authority(subject: string | null, tables: { readonly [table: string]: Rights }, explainDenials = false): Authority {
  return {
    subject, explainDenials, authenticated: subject !== null,
    auth: { subject, roles: subject === null ? [] : ["user"], tenant: null, claims: {} },
    table(name): TableAuthority {
      const given = tables[name];
      const closed = given === undefined;
      return {
        read: given?.read ?? !closed, create: given?.create ?? !closed, update: given?.update ?? !closed, remove: given?.remove ?? !closed,
        field: (field) => ({ read: true, create: true, update: true, ...given?.fields?.[field] }),
      };
    },
  };
}

export const text = (value: string): Expression => ({ op: "literal", type: STRING, value });
export const subject: Expression = { op: "variable", type: STRING, root: "auth", path: ["subject"] };
export const field = (table: string, name: string, row = "record", path: readonly string[] = []): Expression => ({ op: "field", type: STRING, row, table, path, field: name, within: [] });
export const same = (left: Expression, right: Expression): Expression => ({ op: "compare", comparison: "eq", left, right });
export const both = (...operands: Expression[]): Expression => ({ op: "and", operands });
export const not = (operand: Expression): Expression => ({ op: "not", operand });
