// Lists of values in the REST grammar: `(a,"b,c")` of `in`, and array literals `{a,"b,c"}`. Elements stay text.
import { fault } from "../base/error.ts";
import type { TextScanner } from "./text-scanner.ts";

const PLAIN_ITEM = /[^,)]*/y;
const PLAIN_ELEMENT = /[^,{}"\\]*/y;

/** `(a,b)`; `()` is empty. An element in double quotes may hold anything. */
export function readParenthesized(scanner: TextScanner): string[] {
  scanner.skipSpaces();
  scanner.expect("(");
  const items: string[] = [];
  if (!scanner.accept(")")) {
    do items.push(readItem(scanner)); while (scanner.accept(","));
    scanner.expect(")");
  }
  scanner.skipSpaces();
  return items;
}

/** Quoted text counts as such only if it is the whole element. */
function readItem(scanner: TextScanner): string {
  const start = scanner.position;
  const quoted = scanner.acceptQuoted();
  if (quoted !== null && (scanner.startsWith(",") || scanner.startsWith(")"))) return quoted;
  scanner.position = start;
  return scanner.match(PLAIN_ITEM)![0];
}

/** `{a,b}` up to the end of the text. Spaces around unquoted elements do not count; null is refused. */
export function readArray(scanner: TextScanner): string[] {
  scanner.skipSpaces();
  scanner.expect("{");
  scanner.skipSpaces();
  const elements: string[] = [];
  if (!scanner.accept("}")) {
    do elements.push(readElement(scanner)); while (scanner.accept(","));
    scanner.expect("}");
  }
  scanner.skipSpaces();
  if (!scanner.atEnd) throw scanner.problem("Expected the end of the list");
  return elements;
}

function readElement(scanner: TextScanner): string {
  scanner.skipSpaces();
  if (scanner.startsWith('"')) {
    const quoted = scanner.quoted();
    scanner.skipSpaces();
    return quoted;
  }
  const plain = scanner.match(PLAIN_ELEMENT)![0].trim();
  if (plain === "") throw scanner.problem('Expected an element; the empty text is written ""');
  if (plain.toLowerCase() === "null") {
    throw fault("BAD_FILTER_VALUE", "A list in a filter cannot hold null.", { where: scanner.where, fix: 'Write "null" for that text, or add is.null.' });
  }
  return plain;
}
