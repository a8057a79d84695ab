// Values of declared types that nobody has sent: within their limits, mostly at the edges. By chance alone, so that a seed draws the same again.
import type { Random } from "../../base/random.ts";
import type { Json } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";

export interface MadeUp {
  readonly catalog: Pick<Catalog, "objects" | "enums">;
  readonly random: Random;
  /** The time of what is made up, in milliseconds. */
  readonly nowMs: number;
  /** Whoever sends them may send anything; else numbers without a @range are not negative. */
  readonly isSent: boolean;
}

const DEPTH_MAX = 6;
const ITEMS_MAX = 3;
const NULL_SHARE = 0.25;
const NUMBER_MAX = 1_000_000;
const HOUR_MS = 3_600_000;
const SPANS_MS = [0, HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -30 * 24 * HOUR_MS, 400 * 24 * HOUR_MS];
const TEXTS = ["", "a", "Zoë", "two words", "'\"; --", "x".repeat(200)];

/** JSON as over the wire, of each field. */
export function madeUpFields(fields: ReadonlyMap<string, InputField>, made: MadeUp, depth = 0): { [name: string]: Json } {
  return Object.fromEntries([...fields.values()].map(({ name, type, limits }) => [name, madeUp({ type, limits }, made, depth)]));
}

export function madeUp({ type, limits }: Pick<InputField, "type" | "limits">, made: MadeUp, depth = 0): Json {
  const { random } = made;
  if (!type.required && (depth > DEPTH_MAX || random.next() < NULL_SHARE)) return null;
  if (!type.list) return single(type, limits, made, depth);
  const { min = 0, max = ITEMS_MAX } = { min: limits.length?.min ?? 0, max: limits.length?.max ?? ITEMS_MAX };
  const length = depth > DEPTH_MAX ? min : min + Math.floor(random.next() * (Math.max(0, Math.min(max, ITEMS_MAX) - min) + 1));
  return Array.from({ length }, () => single(type, limits, made, depth));
}

function single({ kind, name }: TypeRef, limits: InputField["limits"], made: MadeUp, depth: number): Json {
  const { catalog, random } = made;
  if (kind === "enum") return pick(catalog.enums.get(name)?.values ?? [""], random);
  if (kind !== "scalar") return madeUpFields(catalog.objects.get(name)?.fields ?? new Map(), made, depth + 1);
  switch (name) {
    case "Boolean": return random.next() < 0.5;
    case "Int": case "Money": return whole(limits, made);
    case "Long": case "Decimal": return String(whole(limits, made));
    case "Float": return Math.max(lowest(limits, made), whole(limits, made) - pick([0, 0.5], random));
    case "DateTime": return new Date(made.nowMs + pick(SPANS_MS, random)).toISOString();
    case "Date": return new Date(made.nowMs + pick(SPANS_MS, random)).toISOString().slice(0, 10);
    case "Duration": return pick(["PT0S", "PT1H", "P30D"], random);
    case "ID": return pick(["a", "b", "01900000-0000-7000-8000-000000000000"], random);
    case "String": return text(limits, random);
    case "Bytes": return "";
    default: return {};
  }
}

function lowest({ range }: InputField["limits"], { isSent }: MadeUp): number {
  return typeof range?.min === "number" || typeof range?.min === "bigint" || typeof range?.min === "string" ? Math.ceil(Number(range.min)) || 0 : isSent ? -NUMBER_MAX : 0;
}

function whole(limits: InputField["limits"], made: MadeUp): number {
  const { random } = made;
  const least = lowest(limits, made);
  const { max = null } = limits.range ?? {};
  const most = max === null ? Math.max(NUMBER_MAX, least) : Math.max(least, Math.floor(Number(max)) || 0);
  const inside = (number: number): number => Math.min(most, Math.max(least, number));
  return pick([least, most, inside(0), inside(1), inside(100), inside(least + 1), inside(Math.floor(least + random.next() * (most - least)))], random);
}

function text({ length }: InputField["limits"], random: Random): string {
  return pick(TEXTS, random).slice(0, length?.max ?? undefined).padEnd(length?.min ?? 0, "x");
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random.next() * items.length)]!;
}
