// What callers see of runs: one run, how far it is, its trace and its proofs, each as far as they may know of it. A look at what a model saw is recorded.
// Changes nothing of a run.
import type { Json } from "../../base/value.ts";
import type { Caller } from "../../resources/body.ts";
import type { DecisionPort, ProofQuestion } from "../../resources/decision-port.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { countSteps, readRun, type DecisionRow } from "../../storage/decision-rows.ts";
import type { Checkpoints } from "../audit/checkpoints.ts";
import { consistencyOf, newestCheckpoint, receiptOf, type ProofParts } from "../audit/proofs.ts";
import { recordLook } from "../audit/record-look.ts";
import { traceRun } from "../audit/trace-run.ts";
import type { RunStage } from "../loop.ts";
import type { ReadyDecision } from "../ready-decision.ts";
import type { ParseJson } from "../reason/read-arguments.ts";
import { principalOf } from "./admitted-run.ts";
import { runView, standingOf } from "./run-view.ts";

export interface RunLookParts {
  readonly core: DispatchCore;
  readonly decisions: ReadonlyMap<string, ReadyDecision>;
  readonly checkpoints: Checkpoints;
  readonly parse: ParseJson;
  /** Of its model's price; null: none. */
  currencyOf(decision: string): string | null;
}

type Looker = Pick<Caller, "identity">;

export class RunLooks {
  readonly #parts: RunLookParts;

  constructor(parts: RunLookParts) {
    this.#parts = parts;
  }

  /** Null: nobody who may know of it. */
  standing(row: DecisionRow, caller: Looker): ReturnType<typeof standingOf> {
    return standingOf(row, { caller, inspect: this.#inspectorsOf(row.name) });
  }

  run(id: string, caller: Looker): ReturnType<DecisionPort["run"]> {
    const row = this.#row(id);
    return row === null ? null : runView(row, { caller, inspect: this.#inspectorsOf(row.name) });
  }

  /** `stage`: where it is, if it is under way here. */
  progress(id: string, caller: Looker, stage: RunStage | null): ReturnType<DecisionPort["progress"]> {
    const row = this.#row(id);
    if (row === null || this.standing(row, caller) === null) return null;
    const isOver = row.endedMs !== null;
    const at = (isOver ? null : stage) ?? { state: row.state, step: countSteps(this.#parts.core.storage.reader, id), kind: null };
    return { ...at, isOver };
  }

  async trace(id: string, caller: Looker): ReturnType<DecisionPort["trace"]> {
    const { core, decisions, parse, currencyOf } = this.#parts;
    const row = this.#row(id);
    if (row === null || this.standing(row, caller) !== "inspector") return null;
    const ready = decisions.get(row.name) ?? null;
    await core.storage.commit((connection) => recordLook(connection, { run: id, decision: row.name, at: "trace", principal: principalOf(caller), timeMs: core.clock.now() }, core.random));
    return traceRun(core.storage.reader, row, ready === null ? null : { decision: ready.decision, version: ready.version, book: core.book, parse, currency: currencyOf(row.name) });
  }

  async proof(ask: ProofQuestion, caller: Looker): Promise<Json | null> {
    const parts: ProofParts = { reader: this.#parts.core.storage.reader, checkpoints: this.#parts.checkpoints };
    if (ask.of === "receipt") {
      const row = this.#row(ask.run);
      const standing = row === null ? null : this.standing(row, caller);
      return standing === null || row === null || row.leaf === null ? null : receiptOf(parts, { run: row.id, leaf: row.leaf, whole: standing === "inspector" });
    }
    const inspects = [...this.#parts.decisions.keys()].some((name) => this.#inspectorsOf(name).some((role) => caller.identity.roles.includes(role)));
    if (!inspects && caller.identity.kind !== "administrator") return null;
    if (ask.of === "consistency") return consistencyOf(parts, ask);
    return ask.of === "key" ? { verifiers: [...parts.checkpoints.verifiers()] } : newestCheckpoint(parts);
  }

  #row(id: string): DecisionRow | null {
    return readRun(this.#parts.core.storage.reader, id);
  }

  /** Roles that see all of its runs. */
  #inspectorsOf(name: string): readonly string[] {
    return this.#parts.decisions.get(name)?.decision.declaration.inspect ?? [];
  }
}
