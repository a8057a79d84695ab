// Conditions of a typed query to the filters of the REST grammar. Values are quoted where the grammar needs it: they never become operators.
import { malformed } from "./ambit-error.ts";

const OPERATORS = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "is", "isdistinct", "like", "ilike", "match", "imatch", "fts", "plfts", "phfts", "wfts", "cs", "cd", "ov"] as const;
type Operator = (typeof OPERATORS)[number];
const QUANTIFIED: readonly Operator[] = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch"];
const RESERVED = new Set(["select", "columns", "on_conflict", "after", "near", "search", "similar", "explain", "asof", "since", "order", "limit", "offset", "and", "or", "not", "count", "sum", "avg", "min", "max"]);
const DEPTH_MAX = 100;

export type Literal = { readonly [name: string]: unknown };

export interface FilterCondition {
  readonly kind: "filter";
  /** As it is written in the grammar. */
  readonly field: string;
  readonly negated: boolean;
  readonly operator: Operator;
  readonly quantifier: "any" | "all" | null;
  /** A list: of `in`, and of any and all. */
  readonly operand: string | readonly string[];
}

export type Condition = FilterCondition | { readonly kind: "logic"; readonly operator: "and" | "or"; readonly negated: boolean; readonly operands: readonly Condition[] };

export interface ConditionPlace {
  /** Names that led here, for errors. */
  readonly where: string;
  readonly depth: number;
  /** Null: no relation. Else the name under which the query embeds what `raw` says of it; it is null where nothing does. */
  related(name: string, raw: Literal | null): string | null;
}

export function isLiteral(raw: unknown): raw is Literal {
  if (typeof raw !== "object" || raw === null) return false;
  const prototype: unknown = Object.getPrototypeOf(raw);
  return prototype === Object.prototype || prototype === null;
}

/** A name of a field, a relation or an alias. */
export function nameText(name: string): string {
  return /^[A-Za-z0-9_$]+$/.test(name) && !RESERVED.has(name) ? name : quoted(name);
}

/** Conditions that must all hold. */
export function conditionsOf(entries: readonly (readonly [string, unknown])[], place: ConditionPlace): Condition[] {
  if (place.depth > DEPTH_MAX) throw malformed(`Conditions nest at most ${DEPTH_MAX} deep.`, place.where, "Say it with fewer levels.");
  return entries.map(([name, raw]) => {
    const inside = within(place, name);
    if (raw === undefined) throw absent(inside.where);
    if (name === "and" || name === "or") {
      if (!Array.isArray(raw) || raw.length === 0) throw malformed(`${inside.where} takes a list of conditions.`, inside.where, `Write ${name}: [{ ... }, { ... }].`);
      return { kind: "logic", operator: name, negated: false, operands: raw.map((one: unknown) => all(conditionsOf(entriesOf(one, inside), inside))) };
    }
    if (name === "not") return { kind: "logic", operator: "and", negated: true, operands: conditionsOf(entriesOf(raw, inside), inside) };
    if (raw === null || isLiteral(raw)) {
      const alias = place.related(name, raw);
      if (alias !== null) return { kind: "filter", field: nameText(alias), negated: raw !== null, operator: "is", quantifier: null, operand: "null" };
    }
    return fieldCondition(nameText(name), raw, inside);
  });
}

function entriesOf(raw: unknown, { where }: ConditionPlace): [string, unknown][] {
  const entries = isLiteral(raw) ? Object.entries(raw) : [];
  if (entries.length === 0) throw malformed(`${where} takes an object of conditions.`, where, "Write { field: value }.");
  return entries;
}

function fieldCondition(field: string, raw: unknown, place: ConditionPlace): Condition {
  if (raw === undefined) throw absent(place.where);
  if (raw === null) return { kind: "filter", field, negated: false, operator: "is", quantifier: null, operand: "null" };
  if (!isLiteral(raw)) return operation(field, "eq", raw);
  const entries = Object.entries(raw);
  if (entries.length === 0 || place.depth > DEPTH_MAX) throw malformed(`${place.where} has no condition.`, place.where, "Leave it out.");
  return all(entries.map(([name, inner]) => {
    const inside = within(place, name);
    if (inner === undefined) throw absent(inside.where);
    if (name === "not") return { kind: "logic", operator: "and", negated: true, operands: [fieldCondition(field, inner, inside)] };
    if (isOperator(name)) return operation(field, name, inner);
    return fieldCondition(`${field}->${nameText(name)}`, inner, inside);
  }));
}

function operation(field: string, operator: Operator, raw: unknown): FilterCondition {
  const made = (operand: string | readonly string[], quantifier: "any" | "all" | null = null): FilterCondition => ({ kind: "filter", field, negated: false, operator, quantifier, operand });
  if (raw === null && (operator === "eq" || operator === "neq" || operator === "isdistinct")) return { kind: "filter", field, negated: operator !== "eq", operator: "is", quantifier: null, operand: "null" };
  if (operator === "in") {
    if (!Array.isArray(raw)) throw malformed("in takes a list.", field, "Write { in: [a, b] }.");
    return made(raw.map(valueText));
  }
  if (QUANTIFIED.includes(operator) && isLiteral(raw)) {
    const [name, ...more] = Object.keys(raw);
    const items = name === undefined ? null : raw[name];
    if ((name === "any" || name === "all") && more.length === 0 && Array.isArray(items)) return made(items.map(valueText), name);
  }
  return made(valueText(raw));
}

/** A value as the grammar writes it, before any quotes. */
export function valueText(raw: unknown): string {
  if (typeof raw === "string") return raw;
  if (raw instanceof Date) return raw.toISOString();
  if (raw instanceof Uint8Array) return base64(raw);
  return typeof raw === "object" && raw !== null ? JSON.stringify(raw, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)) : String(raw);
}

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Inside of `and=( )` and `or=( )`. */
export function groupText(condition: Condition): string {
  if (condition.kind === "filter") return `${condition.field}.${operationText(condition, true)}`;
  return `${condition.negated ? "not." : ""}${condition.operator}${operandsText(condition)}`;
}

export function operandsText({ operands }: Extract<Condition, { kind: "logic" }>): string {
  return `(${operands.map(groupText).join(",")})`;
}

/** After `field=`, or in a group after `field.`. */
export function operationText({ negated, operator, quantifier, operand }: FilterCondition, inGroup: boolean): string {
  const head = `${negated ? "not." : ""}${operator}${quantifier === null ? "" : `(${quantifier})`}.`;
  if (typeof operand === "string") return head + (inGroup && operator !== "is" ? quoted(operand) : operand);
  const items = operand.map(quoted).join(",");
  return head + (operator === "in" ? `(${items})` : `{${items}}`);
}

export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function all(conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { kind: "logic", operator: "and", negated: false, operands: conditions };
}

function isOperator(name: string): name is Operator {
  return OPERATORS.some((operator) => operator === name);
}

function within(place: ConditionPlace, name: string): ConditionPlace {
  return { ...place, where: place.where === "" ? name : `${place.where}.${name}`, depth: place.depth + 1 };
}

function absent(where: string): Error {
  return malformed(`${where} is undefined.`, where, "Leave the name out, or write null for records without a value.");
}
