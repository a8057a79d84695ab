// `select=` of the REST grammar: fields, aliases, casts, JSON paths, embeds, spreads, aggregates. Syntax only.
import { fault } from "../base/error.ts";
import { readField } from "./field-syntax.ts";
import type { AggregateFunction, Cast } from "./plan.ts";
import type { EmbedSyntax, FieldSyntax, SelectSyntax } from "./query-syntax.ts";
import { TextScanner } from "./text-scanner.ts";

const casts: Readonly<Record<string, Cast>> = {
  text: "text", varchar: "text",
  int: "int", integer: "int", int2: "int", int4: "int", int8: "int", smallint: "int", bigint: "int",
  float: "float", float4: "float", float8: "float", real: "float", double: "float", "double precision": "float", numeric: "float", decimal: "float",
  bool: "boolean", boolean: "boolean",
  json: "json", jsonb: "json",
};

const ALIAS = /("(?:[^"\\]|\\.)*"|[\p{L}\p{N}_$][\p{L}\p{N}\p{M}_$ -]*):(?!:)/suy;
const AGGREGATE = /(count|sum|avg|min|max)\(\)/y;
const CAST = /[A-Za-z_][A-Za-z0-9_]*(?: precision)?/y;
const EMBED_DEPTH_MAX = 50;

/** Empty text selects nothing. */
export function readSelect(text: string): readonly SelectSyntax[] {
  const scanner = new TextScanner(text, "select");
  scanner.skipSpaces();
  if (scanner.atEnd) return [];
  const items = readItems(scanner, 0);
  if (!scanner.atEnd) throw scanner.problem("Expected , or the end");
  return items;
}

function readItems(scanner: TextScanner, depth: number): SelectSyntax[] {
  if (depth > EMBED_DEPTH_MAX) throw fault("MALFORMED_QUERY", "The selection is nested too deeply.", { where: "select" });
  const items: SelectSyntax[] = [];
  do {
    scanner.skipSpaces();
    items.push(readItem(scanner, depth));
    scanner.skipSpaces();
  } while (scanner.accept(","));
  return items;
}

function readItem(scanner: TextScanner, depth: number): SelectSyntax {
  if (scanner.accept("*")) return { kind: "all" };
  if (scanner.accept("...") || scanner.accept("..")) return readEmbed(scanner, { alias: null, name: scanner.name(), spread: true }, depth);
  const alias = readAlias(scanner);
  const rows = readAggregate(scanner, null, null, alias);
  if (rows !== null) return rows;
  const field = readField(scanner);
  if (field.path.length === 0 && (scanner.startsWith("(") || scanner.startsWith("!"))) return readEmbed(scanner, { alias, name: field.name, spread: false }, depth);
  const cast = readCast(scanner);
  if (scanner.accept(".")) {
    const aggregate = readAggregate(scanner, field, cast, alias);
    if (aggregate === null) throw scanner.problem("Expected count(), sum(), avg(), min() or max()");
    return aggregate;
  }
  return { kind: "field", alias, field, cast };
}

/** `alias:`; two colons are a cast. */
function readAlias(scanner: TextScanner): string | null {
  if (!scanner.text.includes(":", scanner.position)) return null;
  const found = scanner.match(ALIAS);
  if (found === null) return null;
  const alias = new TextScanner(found[1]!, scanner.where).name();
  if (alias === "__proto__") throw fault("MALFORMED_QUERY", "The alias __proto__ is refused.", { where: scanner.where });
  scanner.skipSpaces();
  return alias;
}

function readAggregate(scanner: TextScanner, field: FieldSyntax | null, inputCast: Cast | null, alias: string | null): SelectSyntax | null {
  const start = scanner.position;
  const found = scanner.match(AGGREGATE);
  if (found === null) return null;
  if (field === null && found[1] !== "count") {
    scanner.position = start;
    throw scanner.problem(`${found[1]}() needs a field`, `Write FIELD.${found[1]}().`);
  }
  return { kind: "aggregate", alias, field, inputCast, function: found[1] as AggregateFunction, cast: readCast(scanner) };
}

function readCast(scanner: TextScanner): Cast | null {
  if (!scanner.accept("::")) return null;
  const start = scanner.position;
  const name = scanner.match(CAST)?.[0].toLowerCase() ?? "";
  if (!Object.hasOwn(casts, name)) {
    scanner.position = start;
    throw scanner.problem("Expected a type to cast to", "Cast to text, int, float, boolean or json.");
  }
  return casts[name]!;
}

function readEmbed(scanner: TextScanner, head: Pick<EmbedSyntax, "alias" | "name" | "spread">, depth: number): EmbedSyntax {
  let hint: string | null = null;
  let join: string | null = null;
  while (scanner.accept("!")) {
    const word = scanner.name();
    const isJoin = word === "inner" || word === "left";
    if ((isJoin ? join : hint) !== null) throw scanner.problem(`There are two ${isJoin ? "joins" : "hints"} for ${head.name}`);
    if (isJoin) join = word;
    else hint = word;
  }
  scanner.skipSpaces();
  scanner.expect("(");
  scanner.skipSpaces();
  const items = scanner.startsWith(")") ? [] : readItems(scanner, depth + 1);
  scanner.expect(")");
  return { kind: "embed", ...head, hint, inner: join === "inner", items };
}
