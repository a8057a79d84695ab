// From generated text with marks to a statement: placeholders numbered in order of appearance, and the guarded text of it.
// Marks are control characters, which no name and no other SQL text of ours holds.
import { assert } from "../base/assert.ts";
import type { BindSlot } from "./expression-sql.ts";

/** Stands where each visited row may run into the deadline: before other conditions. */
export const GUARD = "\u0001";
/** The same, where there is no other condition. */
export const LONE_GUARD = "\u0002";
const SLOT = "\u0003";

const GIVEN = "\u0004";

const MARKS = new RegExp(`${GUARD}|${LONE_GUARD}|${SLOT}(\\d+)${SLOT}|${GIVEN}(\\d)`, "g");

export interface PlanStatement {
  readonly sql: string;
  /** The same with a call of ambit_deadline for each visited row; its argument is one more parameter, the last. */
  readonly guardedSql: string;
  /** What to bind, in order, after the parameters that are given at each run. */
  readonly slots: readonly BindSlot[];
}

export function slotMark(index: number): string {
  return `${SLOT}${index}${SLOT}`;
}

/** A parameter that is given when the statement runs, from 0. These come first. */
export function givenMark(index: number): string {
  return `${GIVEN}${index}`;
}

/** `given`: how many parameters are given when it runs. */
export function planStatement(marked: string, slots: readonly BindSlot[], given = 0): PlanStatement {
  const used = new Map<number, number>();
  const placeholder = (slot: string | undefined, givenIndex: string | undefined): string => {
    if (slot === undefined) return givenIndex === undefined ? "" : `?${Number(givenIndex) + 1}`;
    const index = Number(slot);
    const known = used.get(index) ?? given + used.size + 1;
    used.set(index, known);
    return `?${known}`;
  };
  const sql = marked.replace(MARKS, (_mark, slot: string | undefined, givenIndex: string | undefined) => placeholder(slot, givenIndex));
  const deadline = `ambit_deadline(?${given + used.size + 1})`;
  let guarded: string | null = null;
  return {
    sql,
    slots: [...used.keys()].map((index) => slotAt(slots, index)),
    get guardedSql() {
      return guarded ??= marked.replace(MARKS, (mark, slot: string | undefined, givenIndex: string | undefined) => {
        if (mark === GUARD) return `${deadline} AND `;
        return mark === LONE_GUARD ? ` WHERE ${deadline}` : placeholder(slot, givenIndex);
      });
    },
  };
}

function slotAt(slots: readonly BindSlot[], index: number): BindSlot {
  const slot = slots[index];
  assert(slot !== undefined, "a placeholder has its slot");
  return slot;
}
