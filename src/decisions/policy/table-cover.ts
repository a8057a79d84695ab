// What the rows of a decision table leave open, and where they contradict each other. Each column's values fall into finitely many parts that no cell
// tells apart; all combinations of parts are gone through, as far as that is not too many.
import type { Value } from "../../base/value.ts";
import { ordered, type CellAtom, type CellTest, type DecisionTable, type TableColumn } from "./decision-table.ts";

/** Values of a column that all cells answer alike. `text`: how they are told. */
interface Part { readonly text: string; fits(atom: CellAtom): boolean }

const TOLD_MAX = 3;
/** Combinations that are looked at. */
const STEPS_MAX = 200_000;

/** Sentences about the table. */
export function tableCover(table: DecisionTable): readonly string[] {
  const parts = table.columns.map((column, index) => partsOf(column, table.rows.flatMap(({ tests }) => tests[index] ?? [])));
  /** By row and column: which parts fit. */
  const fits = table.rows.map(({ tests }) => tests.map((test, index) => parts[index]!.map((part) => isIn(part, test))));
  return [...gapsOf(table, parts, fits), ...overlapsOf(table, fits)];
}

function isIn(part: Part, test: CellTest): boolean {
  return test === null || test.some((atom) => part.fits(atom));
}

function partsOf({ scale }: TableColumn, atoms: readonly CellAtom[]): readonly Part[] {
  const found = scale.kind === "order" ? orderedParts(atoms, scale) : choiceParts(atoms, scale.values);
  return atoms.some(({ op }) => op === "null") ? [...found, { text: "null", fits: ({ op }) => op === "null" }] : found;
}

function choiceParts(atoms: readonly CellAtom[], all: readonly Value[] | null): readonly Part[] {
  const named = all ?? [...new Set(atoms.flatMap((atom) => ("value" in atom ? [atom.value] : [])))];
  const parts = named.map((value): Part => ({ text: `= ${String(value)}`, fits: (atom) => (atom.op === "eq" && atom.value === value) || (atom.op === "ne" && atom.value !== value) }));
  return all === null ? [...parts, { text: named.length === 0 ? "= anything" : "= anything else", fits: ({ op }) => op === "ne" }] : parts;
}

/** Each value that is named is a part, and so is what lies between two of them. What lies outside of the declared range is none. */
function orderedParts(atoms: readonly CellAtom[], { isWhole, range }: Extract<TableColumn["scale"], { kind: "order" }>): readonly Part[] {
  const [min, max] = [range?.min ?? null, range?.max ?? null];
  /** Nothing is below it, or above it. */
  const isFirst = (value: Value): boolean => min !== null && ordered(value, min) <= 0;
  const isLast = (value: Value): boolean => max !== null && ordered(value, max) >= 0;
  const isInside = (value: Value): boolean => (min === null || ordered(value, min) >= 0) && (max === null || ordered(value, max) <= 0);
  const named = atoms.flatMap((atom) => (atom.op === "between" ? [atom.low, atom.high] : "value" in atom ? [atom.value] : []));
  const points = [...new Map(named.map((value) => [String(value), value])).values()].sort(ordered);
  const parts: Part[] = [];
  const add = (text: string, place: number): void => { parts.push({ text, fits: (atom) => fitsAt(atom, place, points) }); };
  // A point is at an odd place, what lies before it at the even one below.
  for (const [index, point] of points.entries()) {
    const before = points[index - 1];
    const isOpen = !isFirst(point) && (before === undefined || !isLast(before));
    if (isOpen && before === undefined) add(`< ${String(point)}`, 2 * index);
    else if (isOpen && (!isWhole || BigInt(point as number) - BigInt(before as number) > 1n)) add(`between ${String(before)} and ${String(point)}`, 2 * index);
    if (isInside(point)) add(`= ${String(point)}`, 2 * index + 1);
  }
  const last = points.at(-1);
  if (last === undefined || !isLast(last)) add(last === undefined ? "= anything" : `> ${String(last)}`, 2 * points.length);
  return parts;
}

function fitsAt(atom: CellAtom, place: number, points: readonly Value[]): boolean {
  const at = (value: Value): number => 2 * points.findIndex((point) => ordered(point, value) === 0) + 1;
  switch (atom.op) {
    case "null": return false;
    case "between": return place >= at(atom.low) && place <= at(atom.high);
    case "eq": return place === at(atom.value);
    case "ne": return place !== at(atom.value);
    case "lt": return place < at(atom.value);
    case "le": return place <= at(atom.value);
    case "gt": return place > at(atom.value);
    case "ge": return place >= at(atom.value);
  }
}

type Fits = readonly (readonly (readonly boolean[])[])[];

function gapsOf({ columns, rows }: DecisionTable, parts: readonly (readonly Part[])[], fits: Fits): string[] {
  const gaps: string[] = [];
  /** Rows that are still possible before a column, which have been gone through without a gap. */
  const covered = new Set<string>();
  let steps = 0;
  const walk = (column: number, alive: readonly number[], chosen: readonly number[]): boolean => {
    if (alive.length === 0) {
      const told = chosen.flatMap((part, index) => (parts[index]!.length === 1 ? [] : [`${columns[index]!.source} ${parts[index]![part]!.text}`]));
      gaps.push(`No row answers where ${told.join(", ")}.`);
      return false;
    }
    if (column === columns.length) return true;
    const key = `${column} ${alive.join()}`;
    if (covered.has(key)) return true;
    let whole = true;
    for (const part of parts[column]!.keys()) {
      if (gaps.length >= TOLD_MAX || ++steps > STEPS_MAX) return false;
      if (!walk(column + 1, alive.filter((row) => fits[row]![column]![part]!), [...chosen, part])) whole = false;
    }
    if (whole) covered.add(key);
    return whole;
  };
  walk(0, rows.map((_, index) => index), []);
  return steps > STEPS_MAX ? [...gaps, "The table has too many combinations to say that no row is missing."] : gaps;
}

/** A later row that holds an earlier one as a whole is what remains, and meant so. */
function overlapsOf({ columns, rows }: DecisionTable, fits: Fits): string[] {
  const told: string[] = [];
  const outputs = rows.map(({ output }) => JSON.stringify(output, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item)));
  for (const [later, row] of rows.entries()) {
    const nowhere = columns.find((_, index) => !fits[later]![index]!.includes(true));
    if (nowhere !== undefined) {
      if (told.length < TOLD_MAX) told.push(`Line ${row.line} is never reached: ${nowhere.source} is never so.`);
      continue;
    }
    for (let earlier = 0; earlier < later && told.length < TOLD_MAX; earlier++) {
      const [a, b] = [fits[earlier]!, fits[later]!];
      if (!a.every((column, index) => column.some((isFitting, part) => isFitting && b[index]![part]!))) continue;
      const isWithin = b.every((column, index) => column.every((isFitting, part) => !isFitting || a[index]![part]!));
      if (isWithin) told.push(`Line ${row.line} is never reached: line ${rows[earlier]!.line} answers first.`);
      else if (outputs[earlier] !== outputs[later] && !a.every((column, index) => column.every((isFitting, part) => !isFitting || b[index]![part]!))) told.push(`Lines ${rows[earlier]!.line} and ${row.line} overlap and answer differently: the first one counts.`);
      else continue;
      break;
    }
  }
  return told;
}
