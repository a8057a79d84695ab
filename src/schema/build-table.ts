// One table of the Catalog from its declaration. Best effort: what is wrong is left out, never guessed.
import { durationMs } from "../base/duration.ts";
import type { Callable, Field, Grants, Table } from "./catalog.ts";
import { resolveDuration } from "./argument-problems.ts";
import { buildAction } from "./build-callable.ts";
import { buildField } from "./build-field.ts";
import { buildIndexes } from "./build-indexes.ts";
import { allowRules, celOf, checkRules } from "./build-rules.ts";
import type { CompileContext } from "./compile-context.ts";
import { fieldNamed, isSet, textOf, textsOf, useOf, type DeclaredType, type DirectiveUse } from "./declarations.ts";
import { usageOf } from "./build-usage.ts";
import { primaryKeyOf } from "./resolve-relation.ts";
import { tableBehindKey } from "./resolve-path.ts";
import { positionAt, startOf } from "./source-text.ts";

export function buildTable(type: DeclaredType, context: CompileContext): Table {
  const use = useOf(type, "table");
  const exportName = exportNameOf(type);
  const primaryKey = primaryKeyOf(type)?.name ?? type.fields[0]?.name ?? "";
  const tenant = tenantOf(type);
  const { fields, actions } = buildMembers(type, { exportName, primaryKey, tenant }, context);
  return {
    name: type.name,
    description: type.node.description?.value ?? null,
    position: positionAt(context.source, startOf(type.node.name)),
    sqlName: sqlNameOf(type),
    exportName,
    exportOver: exportName === null ? [] : textsOf(useOf(type, "export"), "over") ?? [],
    fields,
    primaryKey,
    indexes: buildIndexes(type),
    allow: allowRules(type, context.source),
    checks: [...checkRules(type, null, context.source), ...type.fields.flatMap((field) => checkRules(field, field.name, context.source))],
    grants: grantsOf(type, context),
    secretWhere: celOf(useOf(type, "secret"), "where", context.source),
    search: searchOf(type),
    tenant,
    expirationMs: durationOf(type, "expiration", context),
    historyMs: durationOf(type, "history", context),
    trashMs: durationOf(type, "trash", context),
    expiresAt: type.fields.find((field) => useOf(field, "expiresAt") !== undefined)?.name ?? null,
    open: isSet(use, "open"),
    renamedFrom: textOf(useOf(type, "renamed"), "from") ?? null,
    actions,
    ...sourceOf(type, context),
    ...usageOf(type),
    ...personalOf(type, primaryKey),
  };
}

/** Whoever signs in is a person without being said to be one. */
function personalOf(type: DeclaredType, primaryKey: string): Pick<Table, "personal"> {
  const path = textOf(useOf(type, "personal"), "of") ?? null;
  if (path !== null) return { personal: path.split(".") };
  return useOf(type, "account") === undefined ? {} : { personal: [primaryKey] };
}

/** Its name in SQLite. */
export function sqlNameOf(type: DeclaredType): string {
  return textOf(useOf(type, "table"), "name") ?? type.name;
}

/** Its name on the wires; null when it is not exported. */
export function exportNameOf(type: DeclaredType): string | null {
  const use = useOf(type, "export");
  return use === undefined ? null : textOf(use, "name") ?? type.name;
}

/** What a @grants gives; null when it is not sound. */
export function grantsOf(type: DeclaredType, context: Pick<CompileContext, "byName">): Grants | null {
  const use = useOf(type, "grants");
  const [subject, role, on] = [textOf(use, "subject"), textOf(use, "role"), textOf(use, "on")];
  if (use === undefined || subject === undefined || role === undefined || on === undefined) return null;
  const roleType = fieldNamed(type, role)?.type;
  const roleEnum = roleType?.kind === "enum" ? context.byName.get(roleType.name) : undefined;
  const target = tableBehindKey(type, on, context.byName);
  if (roleEnum === undefined || target === null || fieldNamed(type, subject) === undefined) return null;
  return { subject, role, on, table: target.name, ordered: isSet(use, "ordered"), roles: roleEnum.values.map((value) => value.name.value) };
}

function buildMembers(type: DeclaredType, names: { exportName: string | null; primaryKey: string; tenant: string | null }, context: CompileContext): { fields: Map<string, Field>; actions: Map<string, Callable> } {
  const fields = new Map<string, Field>();
  const actions = new Map<string, Callable>();
  for (const field of type.fields) {
    if (fields.has(field.name) || actions.has(field.name)) continue;
    if (field.kind === "action") actions.set(field.name, buildAction(field, names, context));
    else fields.set(field.name, field.name === names.tenant ? { ...buildField(field, context), fill: { kind: "tenant" } } : buildField(field, context));
  }
  return { fields, actions };
}

/** The field of @table(tenant), where there is such a one. */
export function tenantOf(type: DeclaredType): string | null {
  const name = textOf(useOf(type, "table"), "tenant");
  return name !== undefined && fieldNamed(type, name)?.kind === "stored" ? name : null;
}

function searchOf(type: DeclaredType): Table["search"] {
  const use = useOf(type, "search");
  const weights = use?.values?.["weights"];
  return (textsOf(use, "fields") ?? []).map((path, index) => ({ path: path.split("."), weight: Array.isArray(weights) && typeof weights[index] === "number" ? weights[index] : 1 }));
}

function sourceOf(type: DeclaredType, context: CompileContext): Pick<Table, "source"> {
  const use = useOf(type, "source");
  const maxAgeMs = durationIn(use, "maxAge", context);
  if (maxAgeMs === null) return {};
  return { source: { maxAgeMs, staleWhileRevalidateMs: durationIn(use, "staleWhileRevalidate", context) ?? 0, staleIfErrorMs: durationIn(use, "staleIfError", context) ?? 0 } };
}

function durationOf(type: DeclaredType, argument: "expiration" | "history" | "trash", context: CompileContext): number | null {
  return durationIn(useOf(type, "table"), argument, context);
}

function durationIn(use: DirectiveUse | undefined, argument: string, context: CompileContext): number | null {
  const text = textOf(use, argument);
  const canonical = text === undefined ? null : resolveDuration(text, context).text;
  return canonical === null ? null : durationMs(canonical);
}
