// Roles that people get and lose, by whatever way their records change, for the security record: roles of accounts, and rows of @grants.
import type { Change } from "../changes/change.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { SecurityRecord } from "../resources/security-record.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Tables } from "../tables/engine.ts";

export function noteRights(security: SecurityRecord, { catalog, tables }: { readonly catalog: Catalog; readonly tables: Tables }): void {
  const accounts = catalog.account?.table;
  const watched = new Map([...catalog.tables.values()].filter(({ name, grants }) => name === accounts || grants !== null).map((table) => [table.name, table]));
  if (watched.size === 0) return;
  tables.onCommitted(({ changes }) => {
    for (const change of changes) {
      const table = watched.get(change.table);
      if (table === undefined) continue;
      if (table.name === accounts) noteRoles(security, table, change);
      if (table.grants !== null) noteGrant(security, table, change);
    }
  });
}

function noteRoles(security: SecurityRecord, table: Table, { id, old, new: now }: Change): void {
  const [before, after] = [rolesOf(old), rolesOf(now)];
  const event = old === null ? "account-created" : now === null ? "account-deleted" : "roles-changed";
  if (event === "roles-changed" && JSON.stringify(before) === JSON.stringify(after)) return;
  note(security, event, { table, record: now ?? old, about: id, details: { roles: after } });
}

function noteGrant(security: SecurityRecord, table: Table, { old, new: now }: Change): void {
  const { subject, role, on } = table.grants!;
  if (old !== null && now !== null && [subject, role, on].every((field) => String(old[field]) === String(now[field]))) return;
  for (const [event, record] of [["grant-removed", old], ["grant-given", now]] as const) {
    if (record !== null) note(security, event, { table, record, about: record[subject] ?? null, details: { table: table.name, role: String(record[role]), on: String(record[on]) } });
  }
}

function rolesOf(record: RecordValues | null): string[] {
  const roles = record?.["roles"];
  return Array.isArray(roles) ? roles.map(String) : [];
}

function note(security: SecurityRecord, event: string, { table, record, about, details }: { readonly table: Table; readonly record: RecordValues | null; readonly about: Value; readonly details: { readonly [name: string]: string | string[] } }): void {
  const tenant = table.tenant === null ? null : record?.[table.tenant] ?? null;
  security.note({ event, subject: null, about: about === null ? null : String(about), tenant: tenant === null ? null : String(tenant), address: null, requestId: null, details });
}
