// What an expression is compiled to for memory: closures over a frame. The parts of the evaluator share these types.
import type { Value } from "../base/value.ts";
import type { Environment, Expression } from "./expression.ts";
import type { ExpressionBook } from "./expression-book.ts";

/** One evaluation. `items`: what the quantifiers around look at, by depth. */
export interface Frame {
  readonly environment: Environment;
  readonly items: Value[];
}

/** Yields null for unknown; never throws for what a value is. */
export type Program = (frame: Frame) => Value;

export interface ProgramScope {
  readonly book: ExpressionBook;
  /** Depth of the quantifiers' variables around. */
  readonly items: ReadonlyMap<string, number>;
  /** Quantifiers around. */
  readonly depth: number;
  compile(expression: Expression, scope: ProgramScope): Program;
}

export const NULL_PROGRAM: Program = () => null;
