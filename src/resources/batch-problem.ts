// What goes wrong in a batch is told as the problem of the operation that it is about, with its place before the path.
import { AmbitError } from "../base/error.ts";
import { keepDecision } from "./app-fault.ts";

/** The problem of operation `index`; anything else as it is. */
export function ofOperation(error: unknown, index: number): unknown {
  if (!(error instanceof AmbitError)) return error;
  const { where = "", headers: _, ...extras } = error.extras;
  const place = `operations[${index}]`;
  const told = new AmbitError(error.status, error.code, error.message, { ...extras, cause: error, where: where === "" ? place : where.startsWith("[") ? place + where : `${place}.${where}` });
  keepDecision(error, told);
  return told;
}

/** Carries a problem whose place is known past those who would name another one. */
export class PlacedProblem extends Error {
  override readonly name = "PlacedProblem";
  readonly problem: unknown;

  constructor(problem: unknown) {
    super("the problem of another operation");
    this.problem = problem;
  }
}

/** Operations after which constraints did not hold yet, and what was wrong then: who is to blame when they do not in the end. */
export class Doubts {
  readonly #problems = new Map<number, AmbitError>();

  /** After operation `index`. Null: constraints hold. */
  note(index: number, problem: AmbitError | null): void {
    if (problem === null) this.#problems.clear();
    else this.#problems.set(index, problem);
  }

  get isEmpty(): boolean {
    return this.#problems.size === 0;
  }

  /** `problem` as that of the first operation after which it was just as wrong. `why`: what `current` does that needs constraints; null: it is the end. */
  blame(problem: AmbitError, current: number, why: string | null): PlacedProblem {
    const hint = why === null ? {} : { hint: `Operation ${current} ${why}: until then constraints must hold.` };
    const { status, code, message, extras } = problem;
    return new PlacedProblem(ofOperation(new AmbitError(status, code, message, { ...hint, ...extras, cause: problem }), this.#culprit(problem, current)));
  }

  #culprit(problem: AmbitError, current: number): number {
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
