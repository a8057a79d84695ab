// What goes wrong in a batch is told as the problem of the operation that it is about, with its place before the path.
import { AmbitError } from "../base/error.ts";
import { keepDecision } from "./app-fault.ts";

/** The problem of operation `index`; anything else as it is. */
export function ofOperation(error: unknown, index: number): unknown {
  if (!(error instanceof AmbitError)) return error;
  const { where, headers: _, ...extras } = error.extras;
  const place = `operations[${index}]`;
  const told = new AmbitError(error.status, error.code, error.message, { ...extras, cause: error, where: where === undefined || where === "" ? place : where.startsWith("[") ? place + where : `${place}.${where}` });
  keepDecision(error, told);
  return told;
}

/** Operations after which constraints did not hold yet, and what was wrong then: who is to blame when they do not in the end. */
export class Doubts {
  readonly #problems = new Map<number, AmbitError>();

  add(index: number, problem: AmbitError): void {
    this.#problems.set(index, problem);
  }

  /** Constraints hold. */
  clear(): void {
    this.#problems.clear();
  }

  /** The first after which it was just as wrong; else the last in doubt; else `current`. */
  culprit(problem: AmbitError, current: number): number {
    let last = current;
    for (const [index, earlier] of this.#problems) {
      if (isSame(earlier, problem)) return index;
      last = index;
    }
    return last;
  }
}

function isSame(left: AmbitError, right: AmbitError): boolean {
  return left.code === right.code && left.message === right.message && left.extras.where === right.extras.where
    && JSON.stringify(left.extras.details) === JSON.stringify(right.extras.details);
}
