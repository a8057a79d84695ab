// TENANT_RELATION: what refers to a tenant's records belongs to a tenant itself, so that no reference leads from one tenant to another.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { tenantOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext, type Finding } from "../compile-context.ts";
import { fieldNamed, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { resolveRelation } from "../resolve-relation.ts";
import { insertArgument, insertField } from "../schema-edits.ts";

export function tenantRelations(context: CompileContext): Diagnostic[] {
  // Of several reasons for the same table one is told.
  const told = new Set<string>();
  return context.tables.flatMap((table) => table.fields).filter((field) => field.kind === "relation").flatMap((field) => {
    const found = problemOf(field, context);
    if (found === null || told.has(found.table.name)) return [];
    told.add(found.table.name);
    return [diagnose(context, { code: "TENANT_RELATION", ...found.finding, ...repair(found.table, found.like, context) })];
  });
}

interface Problem {
  /** The one without a tenant. */
  readonly table: DeclaredType;
  /** The one with a tenant. */
  readonly like: DeclaredType;
  readonly finding: Pick<Finding, "at" | "message" | "why">;
}

function problemOf(field: DeclaredField, context: CompileContext): Problem | null {
  const { owner } = field;
  const { relation } = resolveRelation(field, context.byName);
  const there = context.byName.get(relation?.table ?? "");
  if (relation === null || there === undefined) return null;
  const like = [there, owner].find((type) => tenantOf(type) !== null);
  const join = context.byName.get(relation.through?.table ?? "");
  if (like === undefined) return null;
  if (join !== undefined) {
    return tenantOf(join) !== null ? null : { table: join, like, finding: {
      at: (useOf(field, "relationship") ?? field).node,
      message: `${describeField(field)} leads through ${join.name}, whose records belong to no tenant, but those of ${like.name} do.`,
      why: "Rows of the join table would tell every tenant which records of another belong together.",
    } };
  }
  return relation.kind !== "one" || like !== there || tenantOf(owner) !== null ? null : { table: owner, like, finding: {
    at: (useOf(owner, "table") ?? field).node,
    message: `${describeField(field)} refers to ${there.name}, whose records belong to tenants, but those of ${owner.name} do not.`,
    why: `A record of ${owner.name} would show every tenant what belongs to one.`,
  } };
}

/** The same field as in the other table. */
function repair(table: DeclaredType, like: DeclaredType, { source }: CompileContext): Pick<Finding, "fix" | "edits"> {
  const name = tenantOf(like)!;
  const use = useOf(table, "table");
  const [first] = table.fields;
  const fix = `Add a required field to ${table.name} that holds the tenant, and name it in @table(tenant: "...").`;
  if (use === undefined || first === undefined || name === like.fields.find((field) => useOf(field, "primaryKey") !== undefined)?.name) return { fix };
  const added = fieldNamed(table, name) === undefined ? [insertField(source, first.node, `${name}: ${fieldNamed(like, name)?.type?.name ?? "ID"}!`)] : [];
  return { fix, edits: [insertArgument(source, use.node, `tenant: "${name}"`), ...added] };
}
