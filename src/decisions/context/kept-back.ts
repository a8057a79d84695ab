// What no request of a run may hold: values of secret members, and texts that only a quarantined call may read. Members are left out where they are
// shown; here is the second look, by value, at what is about to be sent.
import { assert } from "../../base/assert.ts";
import type { Json, RecordValues } from "../../base/value.ts";
import type { InputField } from "../../schema/catalog.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { ModelRequest } from "../../models/model.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { HIDDEN } from "../policy/answer-shape.ts";
import { shownTyped } from "../policy/shown-value.ts";
import { placeOfField } from "../policy/read-fields.ts";

export interface KeptBack { readonly secret: readonly string[]; readonly quarantined: readonly string[] }

/** A shorter text may turn up anywhere by chance. */
const LENGTH_MIN = 8;

/** Not to be shown to the model that decides. */
export function isHidden({ quarantined }: Pick<CompiledDecision, "quarantined">, field: Pick<InputField, "limits" | "position">): boolean {
  const place = placeOfField(field);
  return field.limits.secret || (place !== null && quarantined.has(place));
}

/** The input as it is shown to the model that decides, without what is hidden in whatever depth. */
export function shownInput(decision: CompiledDecision, input: RecordValues): { [name: string]: Json } {
  return Object.fromEntries([...decision.declaration.callable.arguments].flatMap(([name, argument]) => (
    isHidden(decision, argument) ? [] : [[name, shownTyped(toWireValue(input[name], argument.type, decision.catalog), argument.type, decision.catalog, (field) => isHidden(decision, field))]])));
}

type Rows = Readonly<Record<string, readonly { readonly [name: string]: Json }[]>>;

export function keptBack(decision: CompiledDecision, input: RecordValues, rows: Rows): KeptBack {
  const found = { secret: new Set<string>(), quarantined: new Set<string>() };
  collect(input as { readonly [name: string]: Json }, decision.declaration.callable.arguments, { decision, found });
  for (const { declaration: { name }, source } of decision.contexts) {
    if (source.kind === "query") for (const row of rows[name] ?? []) collect(row, source.shape.row.fields, { decision, found });
  }
  return { secret: [...found.secret], quarantined: [...found.quarantined] };
}

interface Collecting { readonly decision: CompiledDecision; readonly found: { readonly secret: Set<string>; readonly quarantined: Set<string> } }

function collect(row: { readonly [name: string]: Json }, fields: ReadonlyMap<string, InputField>, collecting: Collecting): void {
  const { decision, found } = collecting;
  if (row[HIDDEN] === true) return texts(row as Json, found.secret);
  for (const [name, field] of fields) {
    const value = row[name] ?? null;
    if (isHidden(decision, field)) texts(value, field.limits.secret ? found.secret : found.quarantined);
    const inner = decision.catalog.objects.get(field.type.name)?.fields;
    if (inner === undefined || value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) if (typeof item === "object" && item !== null && !Array.isArray(item)) collect(item, inner, collecting);
  }
}

function texts(value: Json, into: Set<string>): void {
  if (typeof value === "string" && value.length >= LENGTH_MIN) {
    into.add(value);
    // As it stands in JSON that is itself a text, such as a tool makes of a record.
    into.add(JSON.stringify(value).slice(1, -1));
  }
  if (typeof value === "object" && value !== null) for (const item of Object.values(value)) texts(item, into);
}

/** JSON whose texts hold one of these. */
export function holdsOne(value: Json, parts: readonly string[]): boolean {
  if (parts.length === 0) return false;
  if (typeof value === "string") return parts.some((part) => value.includes(part));
  return typeof value === "object" && value !== null && Object.entries(value).some(([name, item]) => holdsOne(name, parts) || holdsOne(item, parts));
}

/** The same with null for each text that holds one of these. */
export function without(value: Json, parts: readonly string[]): Json {
  if (parts.length === 0) return value;
  if (typeof value === "string") return parts.some((part) => value.includes(part)) ? null : value;
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map((item) => without(item, parts)) : Object.fromEntries(Object.entries(value).map(([name, item]) => [name, without(item, parts)]));
}

/** Before a request is sent. What the model said itself is its own. */
export function assertKeptBack({ messages }: ModelRequest, parts: readonly string[]): void {
  if (parts.length === 0) return;
  for (const message of messages) {
    const sent = message.role === "user" ? [message.text] : message.role === "tool" ? message.results.map(({ json }) => json) : [];
    for (const text of sent) assert(!holdsOne(readable(text), parts), "what is kept back is in no request");
  }
}

function readable(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
