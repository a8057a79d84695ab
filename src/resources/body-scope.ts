// In which transaction, and which nested part of it, code of a body runs just now: by the function that it is inside of, whatever ctx
// or record it goes through.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Work } from "./work.ts";

export interface Scope {
  /** Equal for all that serves one request. */
  readonly root: object;
  readonly work: Work;
  /** Null: not nested. */
  readonly part: Part | null;
}

/** A nested `ctx.transaction`. */
export class Part {
  readonly parent: Part | null;
  isOpen = true;

  constructor(parent: Part | null) {
    this.parent = parent;
  }
}

const scopes = new AsyncLocalStorage<Scope>();

/** Null: outside of any transaction of this request that `runWithin` knows of. */
export function currentScope(root: object): Scope | null {
  const scope = scopes.getStore();
  return scope?.root === root ? scope : null;
}

/** The part of the work's transaction; null: not nested. */
export function currentPart(work: Work): Part | null {
  const scope = scopes.getStore();
  return scope?.work === work ? scope.part : null;
}

export function runWithin<T>(scope: Scope, run: () => Promise<T>): Promise<T> {
  return scopes.run(scope, run);
}

/** Whether `part` is `outer`, or somewhere inside it. */
export function isPartOf(part: Part | null, outer: Part): boolean {
  return part !== null && (part === outer || isPartOf(part.parent, outer));
}
