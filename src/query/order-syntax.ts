// `order=` of the REST grammar: `price.desc.nullslast,customer(name)`. Syntax only.
import { readField } from "./field-syntax.ts";
import type { OrderSyntax } from "./query-syntax.ts";
import { TextScanner } from "./text-scanner.ts";

const DIRECTION = /\.(asc|desc)(?=[.,\s]|$)/y;
const NULLS = /\.nulls(first|last)(?=[,\s]|$)/y;

export function readOrder(text: string, where: string): readonly OrderSyntax[] {
  const scanner = new TextScanner(text, where);
  const terms: OrderSyntax[] = [];
  do {
    scanner.skipSpaces();
    terms.push(readTerm(scanner));
    scanner.skipSpaces();
  } while (scanner.accept(","));
  if (!scanner.atEnd) throw scanner.problem("Expected .asc, .desc, .nullsfirst, .nullslast or ,");
  return terms;
}

function readTerm(scanner: TextScanner): OrderSyntax {
  let field = readField(scanner);
  let relation: string | null = null;
  if (field.path.length === 0 && scanner.accept("(")) {
    relation = field.name;
    scanner.skipSpaces();
    field = readField(scanner);
    scanner.skipSpaces();
    scanner.expect(")");
  }
  const descending = scanner.match(DIRECTION)?.[1] === "desc";
  const nulls = scanner.match(NULLS)?.[1] ?? (descending ? "first" : "last");
  return { relation, field, descending, nulls: nulls === "first" ? "first" : "last" };
}
