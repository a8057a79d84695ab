// TENANT_RELATION: what refers to a tenant's records belongs to a tenant itself, so that no reference leads from one tenant to another.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { tenantOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { resolveRelation } from "../resolve-relation.ts";

export function tenantRelations(context: CompileContext): Diagnostic[] {
  const hasTenant = (name: string): boolean => {
    const type = context.byName.get(name);
    return type !== undefined && tenantOf(type) !== null;
  };
  return context.tables.flatMap((table) => table.fields).filter((field) => field.kind === "relation").flatMap((field) => {
    const { relation } = resolveRelation(field, context.byName);
    if (relation === null) return [];
    const join = relation.through === null ? undefined : context.byName.get(relation.through.table);
    if (join !== undefined) {
      const between = [field.owner.name, relation.table].find(hasTenant);
      return between === undefined || tenantOf(join) !== null ? [] : [joinProblem(field, { join, between }, context)];
    }
    return relation.kind === "one" && hasTenant(relation.table) && tenantOf(field.owner) === null ? [keyProblem(field, relation.table, context)] : [];
  });
}

function keyProblem(field: DeclaredField, target: string, context: CompileContext): Diagnostic {
  const { owner } = field;
  return diagnose(context, {
    code: "TENANT_RELATION", at: (useOf(owner, "table") ?? field).node,
    message: `${describeField(field)} refers to ${target}, whose records belong to tenants, but those of ${owner.name} do not.`,
    why: `A record of ${owner.name} would show every tenant what belongs to one.`,
    fix: `Add a required field to ${owner.name} that holds the tenant, and name it in @table(tenant: "...").`,
  });
}

function joinProblem(field: DeclaredField, { join, between }: { readonly join: DeclaredType; readonly between: string }, context: CompileContext): Diagnostic {
  return diagnose(context, {
    code: "TENANT_RELATION", at: (useOf(field, "relationship") ?? field).node,
    message: `${describeField(field)} leads through ${join.name}, whose records belong to no tenant, but those of ${between} do.`,
    why: "Rows of the join table would tell every tenant which records of another belong together.",
    fix: `Add a required field to ${join.name} that holds the tenant, and name it in its @table(tenant: "...").`,
  });
}
