// Evaluation for bounds: whatever is not surely so is a violation. Unlike in rules nothing is unknown: an operand that is null, an overflow or a
// failed conversion ends the evaluation, also where `||` or `&&` would absorb it. Operands are looked at from left to right.
import type { Value } from "../base/value.ts";
import { evaluate } from "./evaluate.ts";
import type { Environment, Expression } from "./expression.ts";
import type { ExpressionBook } from "./expression-book.ts";
import { itemsMax } from "./expression-book.ts";
import { partsOf } from "./inspect.ts";

/** Something in the expression has no value. */
export class NoValue extends Error {
  override readonly name = "NoValue";
}

type Strict = (environment: Environment) => Value;

const programs = new WeakMap<ExpressionBook, WeakMap<Expression, Strict>>();

/** Null only where the expression is a value that may be null. Throws NoValue. */
export function evaluateStrictly(expression: Expression, environment: Environment, book: ExpressionBook): Value {
  return strictly(expression, book, 0)(environment);
}

/** True, or not so for whatever reason. */
export function holdsStrictly(expression: Expression, environment: Environment, book: ExpressionBook): boolean {
  try {
    return evaluateStrictly(expression, environment, book) === true;
  } catch (error) {
    if (error instanceof NoValue) return false;
    throw error;
  }
}

function strictly(expression: Expression, book: ExpressionBook, level: number): Strict {
  let known = programs.get(book);
  if (known === undefined) programs.set(book, known = new WeakMap());
  let program = known.get(expression);
  if (program === undefined) known.set(expression, program = compile(expression, book, level));
  return program;
}

function compile(expression: Expression, book: ExpressionBook, level: number): Strict {
  const part = (inner: Expression): Strict => strictly(inner, book, level);
  switch (expression.op) {
    case "literal": case "variable": case "now": case "field": return (environment) => evaluate(expression, environment, book);
    case "is-null": {
      const operand = part(expression.operand);
      return (environment) => operand(environment) === null;
    }
    case "distinct": {
      const operands = [part(expression.left), part(expression.right)];
      return (environment) => {
        for (const operand of operands) operand(environment);
        return evaluate(expression, environment, book);
      };
    }
    case "not": {
      const operand = verdict(part(expression.operand));
      return (environment) => !operand(environment);
    }
    case "and": case "or": return junction(expression.operands.map((operand) => verdict(part(operand))), expression.op === "or");
    case "conditional": {
      const condition = verdict(part(expression.condition));
      const [then, otherwise] = [part(expression.then), part(expression.otherwise)];
      return (environment) => (condition(environment) ? then(environment) : otherwise(environment));
    }
    case "quantify": return quantifier(expression, book, level);
    default: {
      const parts = partsOf(expression).map(part);
      return (environment) => {
        for (const inner of parts) present(inner(environment));
        return present(evaluate(expression, environment, book));
      };
    }
  }
}

function junction(operands: readonly ((environment: Environment) => boolean)[], decisive: boolean): Strict {
  return (environment) => {
    for (const operand of operands) if (operand(environment) === decisive) return decisive;
    return !decisive;
  };
}

/** All items are looked at: one without a verdict is a violation, whatever the others say. */
function quantifier({ quantifier: name, list, variable, body }: Extract<Expression, { op: "quantify" }>, book: ExpressionBook, level: number): Strict {
  const items = strictly(list, book, level);
  const holds = verdict(compile(body, book, level + 1));
  const most = itemsMax(book, level);
  return (environment) => {
    const found = present(items(environment));
    if (!Array.isArray(found) || found.length > most) throw new NoValue("a list is expected, of bounded length");
    let count = 0;
    for (const item of found as readonly Value[]) if (holds({ ...environment, variables: { ...environment.variables, [variable]: item } })) count++;
    return name === "exists" ? count > 0 : count === found.length;
  };
}

function verdict(program: Strict): (environment: Environment) => boolean {
  return (environment) => {
    const value = program(environment);
    if (typeof value !== "boolean") throw new NoValue("neither true nor false");
    return value;
  };
}

function present(value: Value): Value {
  if (value === null) throw new NoValue("a value is missing, or cannot be worked out");
  return value;
}
