// Random filters: every operator on every type, also where it does not fit, nested in and/or/not, with any and all.
import { operatorNames } from "../../src/query/operators.ts";
import { fittingOperators } from "../../src/query/operator-types.ts";
import type { Catalog, Field, Table, TypeRef } from "../../src/schema/catalog.ts";
import type { Dice } from "./dice.ts";
import { isValueField, jsonPaths, relationsOf } from "./query-fields.ts";
import { randomScalar, scalarText } from "./random-values.ts";

interface FilterScope { readonly catalog: Catalog; readonly dice: Dice }

/** `prefix`: of an embed, with its dot. */
export function randomFilters(table: Table, scope: FilterScope, prefix: string): [string, string][] {
  const { dice } = scope;
  const pairs: [string, string][] = [];
  while (dice.chance(pairs.length === 0 ? 0.7 : 0.3)) {
    if (dice.chance(0.25)) {
      const negated = dice.chance(0.2) ? "not." : "";
      pairs.push([`${prefix}${negated}${dice.pick(["and", "or"])}`, `(${conditions(table, scope, 1)})`]);
    } else {
      const { name, value } = condition(table, scope, false);
      pairs.push([`${prefix}${name}`, value]);
    }
  }
  return pairs;
}

function conditions(table: Table, scope: FilterScope, depth: number): string {
  const { dice } = scope;
  return Array.from({ length: 1 + dice.below(3) }, () => {
    if (depth < 3 && dice.chance(0.2)) return `${dice.pick(["and", "or", "not.and", "not.or"])}(${conditions(table, scope, depth + 1)})`;
    const { name, value } = condition(table, scope, true);
    return `${name}.${value}`;
  }).join(",");
}

function condition(table: Table, scope: FilterScope, nested: boolean): { name: string; value: string } {
  const { dice, catalog } = scope;
  const relations = relationsOf(table);
  if (relations.length > 0 && dice.chance(0.06)) return { name: dice.pick(relations).name, value: dice.pick(["is.null", "not.is.null"]) };
  const field = dice.pick([...table.fields.values()].filter(isValueField));
  const path = dice.chance(0.35) ? dice.pick(["", ...jsonPaths(field.type, catalog)]) : "";
  const type = typeAt(field, path, catalog);
  const name = `${field.name === "order" ? "\"order\"" : field.name}${path}`;
  const operator = dice.chance(0.96) ? dice.pick(fittingOperators(type)) : dice.pick(operatorNames);
  const not = dice.chance(0.15) ? "not." : "";
  return { name, value: not + operation(operator, type, { ...scope, nested }) };
}

interface OperandScope extends FilterScope { readonly nested: boolean }

function operation(operator: string, type: TypeRef, scope: OperandScope): string {
  const { dice } = scope;
  const text = (): string => operandText(type, scope);
  switch (operator) {
    case "is": return `is.${dice.pick(type.name === "Boolean" ? ["null", "not_null", "true", "false", "unknown"] : ["null", "not_null"])}`;
    case "in": return `in.(${Array.from({ length: dice.below(4) }, () => quotedText(text())).join(",")})`;
    case "like": case "ilike": case "match": case "imatch": {
      const one = (): string => (operator.endsWith("like") ? likePattern(dice) : matchPattern(dice));
      if (dice.chance(0.15)) return `${operator}(${dice.pick(["any", "all"])}).{${[one(), one()].map(quotedText).join(",")}}`;
      return `${operator}.${scope.nested ? quotedText(one()) : one()}`;
    }
    case "fts": case "plfts": case "phfts": case "wfts": return `${operator}.${scope.nested ? quotedText(searchWords(operator, dice)) : searchWords(operator, dice)}`;
    case "cs": case "cd": case "ov": return `${operator}.${setText(type, scope)}`;
    default: {
      if (dice.chance(0.1) && operator !== "isdistinct") return `${operator}(${dice.pick(["any", "all"])}).{${[text(), text()].map(quotedText).join(",")}}`;
      if (type.list) return `${operator}.${setText(type, scope)}`;
      return `${operator}.${scope.nested ? quotedText(text()) : text()}`;
    }
  }
}

function operandText(type: TypeRef, { dice }: OperandScope): string {
  if (dice.chance(0.03)) return dice.pick(["nonsense", "", "1e999", "2026-13-01", "\u0000"]);
  if (type.kind === "enum") return dice.pick(["RED", "BLUE", "red", "GREEN", "PINK"]);
  if (type.kind === "object") return dice.pick(["{\"lat\":0,\"lon\":0}", "{\"name\":\"n\"}", "x"]);
  return scalarText(randomScalar(type.name, dice), type, dice);
}

function setText(type: TypeRef, scope: OperandScope): string {
  const { dice } = scope;
  if (type.name === "JSON" && !type.list) return dice.pick(["{\"a\":1}", "[1]", "[1,2]", "{}", "[]", "\"a\"", "{\"a\":{\"b\":{}}}", "1", "[\"a\"]", "[[1]]"]);
  const items = Array.from({ length: dice.below(3) }, () => quotedText(operandText({ ...type, list: false }, scope)));
  return `{${items.join(",")}}`;
}

function quotedText(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")}"`;
}

function likePattern(dice: Dice): string {
  return dice.pick(["a*", "*b", "*e*", "A%", "_b", "a\\_b", "50\\%", "", "%", "r_d*", "str*", "STRASSE", "a*c", "*\u00e9*", "a\\*b", "\u{1f600}", "*,*", "\\\\*"]);
}

function matchPattern(dice: Dice): string {
  return dice.pick(["^a", "b$", "a.b", "[0-9]+", "red|green", "", "\u00e9", "(?i)RED", "^.$", "\\\\", "(", "a{2}", "stra(ss|\u00df)e", "\\bapple\\b"]);
}

function searchWords(operator: string, dice: Dice): string {
  if (operator === "fts") return dice.pick(["a", "red & apple", "tea | apple", "!a", "red & !green", "gre:*", "(a | b) & c", "red <-> apple"]);
  return dice.pick(["a", "red apple", "green tea", "\"red apple\" -tea", "tea or b", "", "\u00e9", "E", "strasse", "x.y"]);
}

function typeAt(field: Field, path: string, catalog: Catalog): TypeRef {
  const type = { ...field.type, required: false };
  if (path === "") return type;
  const text: TypeRef = { kind: "scalar", name: "String", list: false, required: false, itemRequired: false };
  if (path.includes("->>")) return text;
  if (type.list) return { ...type, list: false };
  if (type.name === "JSON") return type;
  let current: TypeRef = type;
  for (const step of path.split("->").slice(1)) {
    if (current.list) current = { ...current, list: false };
    else current = catalog.objects.get(current.name)?.fields.get(step)?.type ?? text;
  }
  return current;
}
