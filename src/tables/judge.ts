// Whether a write is permitted and the record it leaves is sound: rules, field rules, checks, preconditions. Decides; changes nothing.
import { fault, type AmbitError } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate, isTrue } from "../expression/evaluate.ts";
import type { Authority, Permission } from "./authority.ts";
import { isWithin } from "./confinement.ts";
import { denied, fieldsDenied, tenantless, type WriteVerb } from "./denial.ts";
import { equalValues } from "../base/equal-values.ts";
import type { AcceptedInput } from "./read-input.ts";
import { modelOf, type TableCheck, type TableModel } from "./table-model.ts";
import { environmentOf, holds, rightsOf, type FillContext, type WriteContext } from "./write-context.ts";
import type { Precondition } from "./write.ts";

/** The record before and after; null where there is none. */
export interface Images {
  readonly old: RecordValues | null;
  readonly record: RecordValues;
}

/** True if the sender may see the record: what it may not see does not exist for it. */
export function isReadable(context: WriteContext, table: string, values: RecordValues, authority: Authority | null): boolean {
  if (!isWithin(context.confinement, modelOf(context.models, table).table, values)) return false;
  return authority === null || holds(context, authority.table(table).read, { record: values }, authority);
}

/** The rule of the verb, on the record before; for CREATE only its role part. */
export function permitBefore(context: WriteContext, table: string, verb: WriteVerb, request: { readonly old: RecordValues | null; readonly authority: Authority | null }): void {
  const { authority, old } = request;
  if (verb === "CREATE") requireTenant(context, table, authority);
  if (authority === null) return;
  const permission = permissionOf(authority, table, verb);
  if (permission === false) throw denied(authority, table, verb, "role");
  if (old !== null && !holds(context, permission, { record: old, old }, authority)) throw denied(authority, table, verb, "stored record");
}

/** Who belongs to no tenant has nothing to put into a tenant table. */
function requireTenant({ confinement, models }: WriteContext, table: string, authority: Authority | null): void {
  if (confinement !== null && confinement.tenant === null && modelOf(models, table).table.tenant !== null) throw tenantless(authority, table);
}

/** The rule of the verb on the final record, then those of the fields that the caller set, which for a change must hold on both. */
export function permitAfter(context: WriteContext, model: TableModel, request: { readonly images: Images; readonly accepted: AcceptedInput; readonly authority: Authority | null }): void {
  const { images, accepted, authority } = request;
  if (authority === null) return;
  const { table } = model;
  const verb = images.old === null ? "CREATE" : "UPDATE";
  const rows = { record: images.record, old: images.old };
  if (!holds(context, permissionOf(authority, table.name, verb), rows, authority)) throw denied(authority, table.name, verb, "final record");
  const refused = accepted.conditional.filter(({ permission }) => !holds(context, permission, rows, authority)
    || (images.old !== null && !holds(context, permission, { record: images.old, old: images.old }, authority)));
  if (refused.length === 0) return;
  const rights = authority.table(table.name);
  const readable = refused.map(({ field }) => field).filter((field) => holds(context, rights.field(field).read, { record: images.old ?? images.record }, authority));
  throw fieldsDenied(authority, table.name, verb, readable);
}

/** What was sent for fields that others fill must be what stands there, before or after. */
export function checkGuarded(context: FillContext, model: TableModel, request: { readonly images: Images; readonly accepted: AcceptedInput; readonly authority: Authority | null }): void {
  const { images, authority } = request;
  const rights = rightsOf({ authority }, model.table.name);
  const wrong: string[] = [];
  for (const [name, sent] of request.accepted.guarded) {
    const stands = [images.old, images.record].some((values) => values !== null
      && (rights === null || holds(context, rights.field(name).read, { record: values }, authority))
      && equalValues(sent, valueIn(context, model, name, values)));
    if (!stands) wrong.push(name);
  }
  if (wrong.length > 0) throw readOnly(model, wrong);
}

/** At least one field. */
export function readOnly(model: TableModel, fields: readonly string[]): AmbitError {
  const { name, primaryKey } = model.table;
  const message = fields[0] === primaryKey ? `${primaryKey} is the key of the record and cannot change.` : `${fields.join(", ")} of ${name} cannot be set.`;
  return fault("READ_ONLY_FIELD", message, { details: { table: name, fields: [...fields] }, where: fields[0]! });
}

function valueIn(context: FillContext, model: TableModel, name: string, values: RecordValues): Value {
  if (model.table.fields.get(name)?.kind !== "computed") return values[name] ?? null;
  const expression = context.book.computed(model.table.name, name);
  return expression === null ? null : evaluate(expression, environmentOf(context, { record: values }, {}), context.book);
}

/** Every @check of the table and its fields on the final record. Anything but true fails. */
export function runChecks(context: WriteContext, model: TableModel, images: Images, authority: Authority | null): void {
  if (model.checks.length === 0) return;
  const environment = environmentOf(context, { record: images.record, old: images.old }, {});
  for (const check of model.checks) if (!isTrue(check.expression, environment, context.book)) throw checkFailed(model, check, authority);
}

function checkFailed(model: TableModel, { rule, reads }: TableCheck, authority: Authority | null): AmbitError {
  const { name, fields } = model.table;
  const rights = rightsOf({ authority }, name);
  const mayName = (field: string | null): boolean => rights === null || (field !== null && rights.field(field).read !== false && fields.get(field)?.internal !== true);
  const field = mayName(rule.field) ? rule.field : null;
  const message = rule.message ?? (field === null ? `A rule of ${name} does not hold.` : `The rule of ${field} of ${name} does not hold.`);
  const details = { table: name, field, rule: reads.every(mayName) ? rule.rule.source : null };
  return fault("CHECK_FAILED", message, field === null ? { details } : { details, where: field });
}

/** `version`: null where the record does not exist. */
export function checkPrecondition(precondition: Precondition | null, version: number | null): void {
  if (precondition === null) return;
  const { ifMatch, ifNoneMatch } = precondition;
  const includes = (wanted: readonly number[] | "*"): boolean => version !== null && (wanted === "*" || wanted.includes(version));
  if (ifMatch !== null && !includes(ifMatch)) throw fault("PRECONDITION_FAILED", version === null ? "The record does not exist." : "The record has changed since.");
  if (ifNoneMatch !== null && includes(ifNoneMatch)) throw fault("PRECONDITION_FAILED", "The record exists already.");
}

function permissionOf(authority: Authority, table: string, verb: WriteVerb): Permission {
  const rights = authority.table(table);
  switch (verb) {
    case "CREATE": return rights.create;
    case "UPDATE": return rights.update;
    case "DELETE": return rights.remove;
  }
}
