// Filters of the REST grammar: `price=lt.5`, `and=(a.eq.1,not.or(b.is.null,c.in.(1,2)))`. Syntax only: operands stay text.
import { fault, type AmbitError } from "../base/error.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { readField } from "./field-syntax.ts";
import { readArray, readParenthesized } from "./list-syntax.ts";
import { isOperator, isQuantifiable, operandKind, operatorNames, textLanguages, type Operator } from "./operators.ts";
import type { ConditionSyntax, OperationSyntax } from "./query-syntax.ts";
import { textOperand } from "./text-operand.ts";
import { TextScanner } from "./text-scanner.ts";

type Modified = Omit<OperationSyntax, "operand">;

const OPERATION = /(not\.)?([a-z]+)(?:\(([A-Za-z_]*)\))?\./y;
const GROUP = /(not\.)?(and|or)[ \t]*(?=\()/y;
const LOGIC_DEPTH_MAX = 100;

/** The value of `field=...`. Without a known operator it is an equality, unless it looks like an operator. */
export function readFilterValue(value: string, where: string): OperationSyntax {
  const scanner = new TextScanner(value, where);
  const found = scanner.match(OPERATION);
  if (found === null || !isOperator(found[2]!)) {
    const head = /^([^.(]*)[.(]/.exec(value)?.[1];
    if (head !== undefined && /^[a-z]+$/.test(head)) throw unknownOperator(found?.[2] ?? head, where, `Write ${where}=eq.${value} for equality.`);
    return { negated: false, operator: "eq", quantifier: null, operand: textOperand(value, where) };
  }
  const operation = modified(found, scanner);
  const rest = value.slice(scanner.position);
  if (operation.operator === "in") return { ...operation, operand: textOperand(readToEnd(scanner, readParenthesized), where) };
  return { ...operation, operand: textOperand(operation.quantifier === null ? rest : readArray(scanner), where) };
}

/** The value of `and=` and `or=`: `(condition,...)`. */
export function readConditions(value: string, where: string): readonly ConditionSyntax[] {
  return readToEnd(new TextScanner(value, where), (scanner) => readGroup(scanner, 1));
}

function readToEnd<Result>(scanner: TextScanner, read: (scanner: TextScanner) => Result): Result {
  const result = read(scanner);
  scanner.skipSpaces();
  if (!scanner.atEnd) throw scanner.problem("Expected the end");
  return result;
}

function readGroup(scanner: TextScanner, depth: number): readonly ConditionSyntax[] {
  if (depth > LOGIC_DEPTH_MAX) throw fault("MALFORMED_QUERY", `Conditions nest at most ${LOGIC_DEPTH_MAX} deep.`, { where: scanner.where });
  scanner.skipSpaces();
  scanner.expect("(");
  const conditions: ConditionSyntax[] = [];
  do {
    scanner.skipSpaces();
    conditions.push(readCondition(scanner, depth));
    scanner.skipSpaces();
  } while (scanner.accept(","));
  scanner.expect(")");
  return conditions;
}

function readCondition(scanner: TextScanner, depth: number): ConditionSyntax {
  const group = scanner.match(GROUP);
  if (group !== null) {
    return { kind: "logic", operator: group[2] === "and" ? "and" : "or", negated: group[1] !== undefined, operands: readGroup(scanner, depth + 1) };
  }
  const field = readField(scanner);
  scanner.expect(".");
  const start = scanner.position;
  const found = scanner.match(OPERATION);
  if (found === null || !isOperator(found[2]!)) {
    scanner.position = start;
    const name = found?.[2] ?? /[^.,()]*/y.exec(scanner.text.slice(start))?.[0] ?? "";
    throw unknownOperator(name, scanner.where, `Write ${field.name}.eq.VALUE for equality.`);
  }
  const operation = modified(found, scanner);
  const operand = textOperand(readOperand(scanner, operation), scanner.where);
  return { kind: "filter", field, operation: { ...operation, operand }, where: scanner.where };
}

function modified(found: RegExpExecArray, scanner: TextScanner): Modified {
  const operator = found[2] as Operator;
  const modifier = found[3];
  const operation = { negated: found[1] !== undefined, operator };
  if (modifier === undefined) return { ...operation, quantifier: null };
  if (operandKind(operator) === "words" && textLanguages.has(modifier)) return { ...operation, quantifier: null };
  if (isQuantifiable(operator) && (modifier === "any" || modifier === "all")) return { ...operation, quantifier: modifier };
  const fix = operandKind(operator) === "words" ? `Write ${operator}.WORDS or ${operator}(simple).WORDS.` : isQuantifiable(operator) ? `Write ${operator}(any).{A,B} or ${operator}(all).{A,B}.` : `Write ${operator}.VALUE.`;
  throw fault("MALFORMED_QUERY", `The operator ${operator} has no modifier (${modifier}).`, { where: scanner.where, fix });
}

function unknownOperator(name: string, where: string, fix: string): AmbitError {
  const near = didYouMean(name, operatorNames);
  return fault("UNKNOWN_OPERATOR", `There is no operator ${name}.${near === null ? "" : ` Did you mean ${near}?`}`, { where, fix, ...(near === null ? { hint: `Operators are ${operatorNames.join(", ")}.` } : {}) });
}

/** Inside a group a value ends at `,` or `)`, unless it is quoted or in balanced braces or brackets as a whole. */
function readOperand(scanner: TextScanner, operation: Modified): string | readonly string[] {
  if (operation.operator === "in") return readParenthesized(scanner);
  const text = readEnclosed(scanner) ?? scanner.match(/[^,)]*/y)![0];
  return operation.quantifier === null ? text : readArray(new TextScanner(text, scanner.where));
}

function readEnclosed(scanner: TextScanner): string | null {
  const start = scanner.position;
  const text = scanner.acceptQuoted() ?? acceptBalanced(scanner);
  if (text !== null && (scanner.atEnd || scanner.startsWith(",") || scanner.startsWith(")"))) return text;
  scanner.position = start;
  return null;
}

/** Each costs the rest of the text. After so many, braces are characters like others. */
const UNCLOSED_MAX = 20;

/** `{...}` or `[...]` with its braces, as JSON and lists are written. */
function acceptBalanced(scanner: TextScanner): string | null {
  if ((!scanner.startsWith("{") && !scanner.startsWith("[")) || scanner.unclosed >= UNCLOSED_MAX) return null;
  const start = scanner.position;
  let depth = 0;
  while (!scanner.atEnd) {
    const character = scanner.text[scanner.position]!;
    if (character === '"') {
      if (scanner.acceptQuoted() === null) return null;
      continue;
    }
    scanner.position++;
    if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return scanner.text.slice(start, scanner.position);
  }
  scanner.unclosed++;
  return null;
}
