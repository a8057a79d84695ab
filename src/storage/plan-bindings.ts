// The parameters of generated statements. A value never becomes text; what depends on the request is worked out when a statement runs.
import type { Expression } from "../expression/expression.ts";
import type { SqlValue } from "../base/value.ts";
import type { BindSlot } from "./expression-sql.ts";
import { slotMark } from "./plan-statement.ts";

export interface Bindings {
  /** The mark of a new parameter; `now` has one for all. */
  bind(slot: BindSlot): string;
  value(value: SqlValue): string;
  /** Marks hold indexes of these. */
  readonly slots: readonly BindSlot[];
}

const NOW: Expression = { op: "now", type: { kind: "timestamp" } };

export function createBindings(): Bindings {
  const slots: BindSlot[] = [];
  let now: string | null = null;
  const add = (slot: BindSlot): string => slotMark(slots.push(slot) - 1);
  return {
    slots,
    value: (value) => add({ kind: "value", value }),
    bind(slot) {
      if (slot.kind === "closed" && slot.expression.op === "now") return now ??= add(slot);
      return add(slot);
    },
  };
}

/** Fixed once per operation. */
export function bindNow(bindings: Bindings): string {
  return bindings.bind({ kind: "closed", expression: NOW });
}
