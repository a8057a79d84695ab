// NOBODY_ALLOWED, a warning: what is exported or declared as a relation, but no @allow lets anybody reach. The administrator still may.
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { Callable, Catalog, Field, Table } from "../schema/catalog.ts";

/** Of a schema without errors. */
export function findUnreachable(catalog: Catalog): Diagnostic[] {
  const tables = [...catalog.tables.values()];
  const unheard = [...catalog.channels.values()].filter((channel) => channel.exportName !== null && channel.allow.length === 0);
  const exported = tables.filter((table) => table.exportName !== null);
  return [
    ...exported.filter((table) => table.allow.length === 0 && ![...table.actions.values()].some((action) => action.allow.length > 0)).map((table) => warn(
      table.position, `${table.name} is exported, but no @allow lets anybody reach it.`, 'Add for example @allow(to: ["authenticated"], do: [READ]), or remove @export.',
    )),
    ...unheard.map((channel) => warn(channel.position, `${channel.name} is exported, but no @allow lets anybody subscribe or publish.`, 'Add for example @allow(to: ["authenticated"], do: [SUBSCRIBE]), or remove @export.')),
    ...callables(exported, catalog).filter((callable) => callable.webhook === undefined && callable.allow.length === 0).map((callable) => warn(
      callable.position, `${callable.name} has no @allow, so nobody may call it.`, `Add for example @allow(to: ["authenticated"])${callable.kind === "endpoint" ? ", or remove @http" : ""}.`,
    )),
    ...callables([], catalog).filter((callable) => callable.webhook !== undefined && !callable.allow.some(({ to }) => to.includes("public"))).map((callable) => warn(
      callable.position, `${callable.name} is a webhook, which nobody signed in calls, and no @allow is for public.`, 'Write @allow(to: ["public"]): the signature stands for the caller.',
    )),
    ...exported.filter((table) => table.allow.length > 0).flatMap((table) => [...table.fields.values()].flatMap((field) => hiddenByJoin(table, field, catalog))),
  ];
}

function callables(exported: readonly Table[], catalog: Catalog): Callable[] {
  return [...exported.flatMap((table) => [...table.actions.values()]), ...[...catalog.endpoints.values()].filter((endpoint) => endpoint.http !== null)];
}

/** A relation through a join table tells its rows, so it exists only for those who may read some of them (`role-rights.ts`). */
function hiddenByJoin(table: Table, field: Field, catalog: Catalog): Diagnostic[] {
  const join = catalog.tables.get(field.relation?.through?.table ?? "");
  if (join === undefined || field.internal || join.allow.some((rule) => rule.do.includes("READ"))) return [];
  return [warn(
    field.position, `${table.name}.${field.name} leads through ${join.name}, of which nobody may read a row, so the relation exists for nobody.`,
    `Allow READ of ${join.name} to those who may follow it.`,
  )];
}

function warn(position: SourcePosition, message: string, fix: string): Diagnostic {
  return { code: "NOBODY_ALLOWED", severity: "warning", position, message, why: "Without an @allow only the administrator and the app's code get through.", fix, edits: [] };
}
