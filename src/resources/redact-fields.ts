// What an app logs, without what its schema calls @sensitive: a field of that name, however deep, says that it was there and no more.
import type { Catalog, InputField } from "../schema/catalog.ts";

const REDACTED = "[redacted]";
const DEPTH_MAX = 8;
const TEXT_LENGTH_MIN = 3;
const names = new WeakMap<Catalog, ReadonlySet<string>>();

export function redactFields(fields: unknown, catalog: Catalog): unknown {
  const sensitive = sensitiveNames(catalog);
  return sensitive.size === 0 ? fields : redacted(fields, sensitive, 0);
}

function redacted(value: unknown, sensitive: ReadonlySet<string>, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  if (depth > DEPTH_MAX) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redacted(item, sensitive, depth + 1));
  if (value instanceof Error) return { name: value.name, message: value.message, ...redacted({ ...value }, sensitive, depth + 1) as object };
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, sensitive.has(name) && inner !== null ? REDACTED : redacted(inner, sensitive, depth + 1)]));
}

/** Texts and numbers that stand under such a name in what was asked, for messages that a body has made of them. None that is so short that it is everywhere. */
export function sensitiveTexts(asked: unknown, catalog: Catalog): readonly string[] {
  const sensitive = sensitiveNames(catalog);
  const found = new Set<string>();
  const visit = (value: unknown, isHidden: boolean, depth: number): void => {
    if (isHidden && ["string", "number", "bigint"].includes(typeof value) && String(value).length >= TEXT_LENGTH_MIN) found.add(String(value));
    if (typeof value !== "object" || value === null || depth > DEPTH_MAX || ArrayBuffer.isView(value)) return;
    for (const [name, inner] of Object.entries(value)) visit(inner, isHidden || (!Array.isArray(value) && sensitive.has(name)), depth + 1);
  };
  if (sensitive.size > 0) visit(asked, false, 0);
  return [...found].sort((one, other) => other.length - one.length);
}

export function withoutTexts(text: string, hidden: readonly string[]): string {
  return hidden.reduce((left, one) => left.replaceAll(one, REDACTED), text);
}

function sensitiveNames(catalog: Catalog): ReadonlySet<string> {
  let found = names.get(catalog);
  if (found === undefined) names.set(catalog, found = new Set([...fieldsOf(catalog)].filter(({ limits }) => limits.sensitive).map(({ name }) => name)));
  return found;
}

function* fieldsOf({ tables, channels, objects, endpoints, tools, jobs, decisions }: Catalog): Generator<Pick<InputField, "name" | "limits">> {
  for (const { fields } of [...tables.values(), ...channels.values(), ...objects.values()]) yield* fields.values();
  const callables = [...[...tables.values()].flatMap(({ actions }) => [...actions.values()]), ...endpoints.values(), ...tools.values(), ...jobs.values(), ...[...decisions.values()].map(({ callable }) => callable)];
  for (const callable of callables) yield* callable.arguments.values();
}
