// From generated text with marks to a statement: placeholders numbered in order of appearance, and the guarded text of it.
// Marks are control characters, which no name and no other SQL text of ours holds.
import { assert } from "../base/assert.ts";
import type { BindSlot } from "./expression-sql.ts";

/** Stands before the conditions of rows that are visited: each of them may run into the deadline. */
export const GUARD = "\u0001";
/** The same for rows of embedded lists, which are counted too. */
export const LIST_GUARD = "\u0002";
/** Stands before a condition that bounds an indexed field, and may take it away from SQLite's choice of an index. */
export const BOUND = "\u0006";
/** Before a guard without conditions. */
const LONE = "\u0005";
const SLOT = "\u0003";

const GIVEN = "\u0004";

const MARKS = new RegExp(`${LONE}?[${GUARD}${LIST_GUARD}]|${BOUND}|${SLOT}(\\d+)${SLOT}|${GIVEN}(\\d)`, "g");

export interface PlanStatement {
  readonly sql: string;
  /** The same with a call for each visited row that can stop it; `beginRun` comes first. */
  readonly guardedSql: string;
  /** What to bind, in order, after the parameters that are given at each run. */
  readonly slots: readonly BindSlot[];
}

/** `guard`: GUARD or LIST_GUARD. */
export function whereClause(terms: readonly string[], guard = GUARD): string {
  return terms.length === 0 ? LONE + guard : ` WHERE ${guard}${terms.join(" AND ")}`;
}

export function slotMark(index: number): string {
  return `${SLOT}${index}${SLOT}`;
}

/** A parameter that is given when the statement runs, from 0. These come first. */
export function givenMark(index: number): string {
  return `${GIVEN}${index}`;
}

export interface StatementOptions {
  /** How many parameters are given when it runs. */
  readonly given?: number;
  /** Conditions marked with BOUND serve no index. */
  readonly unbounded?: boolean;
}

export function planStatement(marked: string, slots: readonly BindSlot[], { given = 0, unbounded = false }: StatementOptions = {}): PlanStatement {
  const bound = unbounded ? "+" : "";
  const used = new Map<number, number>();
  const placeholder = (slot: string | undefined, givenIndex: string | undefined): string => {
    if (slot === undefined) return givenIndex === undefined ? "" : `?${Number(givenIndex) + 1}`;
    const index = Number(slot);
    const known = used.get(index) ?? given + used.size + 1;
    used.set(index, known);
    return `?${known}`;
  };
  const sql = marked.replace(MARKS, (mark, slot: string | undefined, givenIndex: string | undefined) => (mark === BOUND ? bound : placeholder(slot, givenIndex)));
  let guarded: string | null = null;
  return {
    sql,
    slots: [...used.keys()].map((index) => slotAt(slots, index)),
    get guardedSql() {
      return guarded ??= marked.replace(MARKS, (mark, slot: string | undefined, givenIndex: string | undefined) => {
        if (mark === BOUND) return bound;
        if (slot !== undefined || givenIndex !== undefined) return placeholder(slot, givenIndex);
        const call = mark.endsWith(LIST_GUARD) ? "ambit_embedded()" : "ambit_deadline()";
        return mark.startsWith(LONE) ? ` WHERE ${call}` : `${call} AND `;
      });
    },
  };
}

function slotAt(slots: readonly BindSlot[], index: number): BindSlot {
  const slot = slots[index];
  assert(slot !== undefined, "a placeholder has its slot");
  return slot;
}
