// A decision that serves: compiled, with its version and who reasons for it.
import type { Reasoner } from "./loop.ts";
import type { CompiledDecision } from "./policy/compiled-decision.ts";

export interface ReadyDecision {
  readonly decision: CompiledDecision;
  readonly version: string;
  /** Its version but for the policy's words. */
  readonly contract: string;
  /** Null: it is answered by its fallback. */
  readonly reasoner: Reasoner | null;
}
