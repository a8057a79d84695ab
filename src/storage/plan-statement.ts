// From generated text with marks to a statement: placeholders numbered in order of appearance, and the guarded text of it.
// Marks are control characters, which no name and no other SQL text of ours holds.
import { assert } from "../base/assert.ts";
import type { BindSlot } from "./expression-sql.ts";

/** Stands where each visited row may run into the deadline: before other conditions. */
export const GUARD = "\u0001";
/** The same, where there is no other condition. */
export const LONE_GUARD = "\u0002";
const SLOT = "\u0003";

const MARKS = /\u0001|\u0002|\u0003(\d+)\u0003/g;

export interface PlanStatement {
  readonly sql: string;
  /** The same with a call of ambit_deadline for each visited row; its argument is one more parameter, the last. */
  readonly guardedSql: string;
  /** What to bind, in order. */
  readonly slots: readonly BindSlot[];
}

export function slotMark(index: number): string {
  return `${SLOT}${index}${SLOT}`;
}

/** `paged`: takes two more parameters after the slots, limit and offset. */
export function planStatement(marked: string, slots: readonly BindSlot[], paged = false): PlanStatement {
  const used = new Map<number, number>();
  const number = (index: number): number => {
    const known = used.get(index);
    if (known === undefined) used.set(index, used.size + 1);
    return known ?? used.size;
  };
  const plain = marked.replace(MARKS, (_mark, index: string | undefined) => (index === undefined ? "" : `?${number(Number(index))}`));
  const page = paged ? ` LIMIT ?${used.size + 1} OFFSET ?${used.size + 2}` : "";
  const deadline = `ambit_deadline(?${used.size + (paged ? 3 : 1)})`;
  let guarded: string | null = null;
  return {
    sql: plain + page,
    slots: [...used.keys()].map((index) => slotAt(slots, index)),
    get guardedSql() { return guarded ??= guardedText(marked, deadline, number) + page; },
  };
}

function guardedText(marked: string, deadline: string, number: (index: number) => number): string {
  return marked.replace(MARKS, (mark, index: string | undefined) => {
    if (index !== undefined) return `?${number(Number(index))}`;
    return mark === GUARD ? `${deadline} AND ` : ` WHERE ${deadline}`;
  });
}

function slotAt(slots: readonly BindSlot[], index: number): BindSlot {
  const slot = slots[index];
  assert(slot !== undefined, "a placeholder has its slot");
  return slot;
}
