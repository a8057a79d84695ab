// The mode in which a decision runs: that of the schema, or a lower one that an administrator has set while the app runs. Kept in the data file, recorded
// in the audit log in the same commit; never above the schema, whatever is kept.
import { fault } from "../../base/error.ts";
import { uuidv7 } from "../../base/random.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { DecisionMode } from "../../schema/decision.ts";
import type { Connection } from "../../storage/connection.ts";
import { keepMode, keptMode } from "../../storage/decision-rows.ts";
import { appendRecord } from "../audit/append-record.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

const ORDER: readonly DecisionMode[] = ["OFF", "SHADOW", "ENFORCE"];
/** As they are in a data file, by name: one for all that serve it, since the app before may set one last. */
const knownOf = new WeakMap<Connection, Map<string, DecisionMode | null>>();

export class LoweredModes {
  readonly #core: DispatchCore;
  readonly #known: Map<string, DecisionMode | null>;

  constructor(core: DispatchCore) {
    this.#core = core;
    const { reader } = core.storage;
    this.#known = knownOf.get(reader) ?? new Map();
    knownOf.set(reader, this.#known);
  }

  of({ name, declaration: { mode, kind } }: Pick<CompiledDecision, "name" | "declaration">): DecisionMode {
    if (kind === "RULE") return mode;
    const kept = this.#kept(name);
    return kept === null || isAbove(kept, mode) ? mode : kept;
  }

  /** Null: none was set. */
  #kept(name: string): DecisionMode | null {
    const { reader } = this.#core.storage;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const text = keptMode(reader, name);
    const kept = ORDER.find((one) => one === text) ?? null;
    this.#known.set(name, kept);
    return kept;
  }

  /** Null: that of the schema again. What is under way goes on as it began. Throws VALIDATION_FAILED. */
  async set({ name, declaration }: CompiledDecision, asked: string | null, principal: string): Promise<void> {
    const mode = asked === null ? null : readMode(asked, name, declaration);
    const { storage, clock, random, log } = this.#core;
    const timeMs = clock.now();
    const run = uuidv7(clock, random);
    await storage.commit((connection) => {
      keepMode(connection, name, mode);
      appendRecord(connection, { run, timeMs, facts: { kind: "mode", decision: name, declared: declaration.mode, mode: mode ?? declaration.mode }, payloads: { principal } }, random);
    });
    this.#known.set(name, mode);
    log.info("decision-mode", { decision: name, declared: declaration.mode, mode: mode ?? declaration.mode });
  }
}

function readMode(text: string, name: string, { kind, mode: declared }: CompiledDecision["declaration"]): DecisionMode {
  if (kind === "RULE") throw fault("VALIDATION_FAILED", `${name} has no model, and so no mode.`, { where: "mode" });
  const mode = ORDER.find((one) => one === text);
  if (mode === undefined) throw fault("VALIDATION_FAILED", "There is no such mode.", { where: "mode", fix: `Use one of ${ORDER.join(", ")}, or null for that of the schema.` });
  if (isAbove(mode, declared)) throw fault("VALIDATION_FAILED", `The schema says ${declared}: above it no mode is set.`, { where: "mode", fix: "Change @decision(mode:) and deploy it." });
  return mode;
}

function isAbove(mode: DecisionMode, other: DecisionMode): boolean {
  return ORDER.indexOf(mode) > ORDER.indexOf(other);
}
