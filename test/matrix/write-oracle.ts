// What a write must come to, by the design: all reasons to refuse it, none if it must succeed. Which of several is told is the product's choice.
import type { Who } from "./identities.ts";
import type { FieldModel, Row, TableModel } from "./model.ts";
import { Oracle } from "./oracle.ts";
import { tableNamed } from "./tables.ts";
import { worldOf, type SeededWorld } from "./rows.ts";

export type Reasons = ReadonlySet<string>;
type Body = Readonly<Record<string, unknown>>;

export const denial = (who: Who): string => (who.subject === null && !who.administrator ? "UNAUTHENTICATED" : "FORBIDDEN");
const only = (code: string): Reasons => new Set([code]);

export interface UpdateCase { readonly who: Who; readonly table: TableModel; readonly row: Row; readonly patch: Body }

export class WriteOracle {
  readonly world: SeededWorld;
  readonly oracle: Oracle;
  /** App code under the caller's rules: it sets what only code sets. */
  readonly code: boolean;

  constructor(world: SeededWorld, code = false) {
    this.world = world;
    this.code = code;
    this.oracle = new Oracle(world);
  }

  /** The role part comes first, then that a hidden record is none. */
  private reach(who: Who, table: TableModel, row: Row | null, verb: string): Reasons | null {
    if (!this.oracle.mayEver(who, table, verb)) return only(denial(who));
    return row === null || !this.world.rows(table.name).includes(row) || !this.oracle.sees(who, table, row) ? only("NOT_FOUND") : null;
  }

  remove(who: Who, table: TableModel, row: Row | null): Reasons {
    const refused = this.reach(who, table, row, "D");
    if (refused !== null) return refused;
    if (!this.oracle.may(who, table, row!, "D")) return only(denial(who));
    return this.isHeld(table, row!) ? only("REFERENCE_VIOLATION") : new Set();
  }

  update({ who, table, row, patch }: UpdateCase): Reasons {
    const refused = this.reach(who, table, row, "U");
    if (refused !== null) return refused;
    const after = changed(table, row, patch);
    const reasons = new Set<string>();
    if (!this.oracle.may(who, table, row, "U", row) || !this.oracle.may(who, table, after, "U", row)) reasons.add(denial(who));
    for (const [name, value] of Object.entries(patch)) {
      this.setField({ who, table, verb: "U", images: [row, after] }, table.fields.find((field) => field.name === name), value, reasons);
    }
    this.constraints(who, table, { after, before: row, sent: patch }, reasons);
    return reasons;
  }

  create(who: Who, table: TableModel, body: Body): Reasons {
    if (!this.oracle.mayEver(who, table, "C")) return only(denial(who));
    const after = this.made(who, table, body);
    const reasons = new Set<string>();
    if (!this.oracle.may(who, table, after, "C")) reasons.add(denial(who));
    for (const [name, value] of Object.entries(body)) {
      this.setField({ who, table, verb: "C", images: [after] }, table.fields.find((field) => field.name === name), value, reasons);
    }
    for (const field of table.fields) if (field.required && field !== table.key && (after[field.name] ?? null) === null && field.compute === undefined) reasons.add("VALIDATION_FAILED");
    this.constraints(who, table, { after, before: null, sent: body }, reasons);
    const key = body[table.key.name];
    if (key !== undefined && this.world.find(table.name, key) !== null) reasons.add("UNIQUE_VIOLATION");
    return reasons;
  }

  /** The record that the body makes, with its defaults. */
  made(who: Who, table: TableModel, body: Body): Row {
    const blank = Object.fromEntries(table.fields.map((field) => [field.name, null]));
    const defaults = table.name === "Project" ? { stage: "DRAFT", score: 0 } : table.name === "Note" ? { authorId: who.subject } : {};
    const own = Object.entries(body).filter(([name]) => !(this.code ? ["computed"] : ["computed", "readOnly"]).includes(table.fields.find((field) => field.name === name)?.kind ?? ""));
    return changed(table, { ...blank, ...defaults }, Object.fromEntries(own));
  }

  private setField(at: { who: Who; table: TableModel; verb: "C" | "U"; images: readonly Row[] }, field: FieldModel | undefined, value: unknown, reasons: Set<string>): void {
    const { who, table, verb, images } = at;
    if (field === undefined) {
      if (!table.open) reasons.add("VALIDATION_FAILED");
      return;
    }
    if (this.code && (field.kind === "internal" || field.kind === "readOnly")) return;
    const mayEverSet = field.kind !== "internal" && (field.rules === null || this.oracle.mayEver(who, { ...table, rules: field.rules }, verb));
    if (!this.oracle.exists(who, field) && !mayEverSet) {
      reasons.add("VALIDATION_FAILED");
      return;
    }
    if (field.kind === "computed" || field.kind === "readOnly" || (verb === "U" && (field.kind === "fixed" || field === table.key))) {
      // What is there, or will be, may be sent, by whoever sees it.
      const stands = this.oracle.seesField(who, field, images[0]!) && Bun.deepEquals(images[0]![field.name] ?? null, value);
      if (!stands && !(verb === "C" && value === null)) reasons.add("READ_ONLY_FIELD");
      return;
    }
    if (!images.every((image) => this.oracle.mayField(who, field, image, verb))) reasons.add(denial(who));
  }

  private constraints(who: Who, table: TableModel, { after, before, sent }: { after: Row; before: Row | null; sent: Body }, reasons: Set<string>): void {
    for (const field of table.fields) {
      const value = after[field.name] ?? null;
      if (value === null || value === before?.[field.name]) continue;
      if (field.refers !== undefined && Object.hasOwn(sent, field.name)) {
        const target = tableNamed(field.refers);
        const found = this.world.find(target.name, value);
        if (found === null || !this.oracle.sees(who, target, found)) reasons.add("REFERENCE_VIOLATION");
      }
      const isTaken = (other: Row): boolean => other !== before && String(other[field.name]).toLowerCase() === String(value).toLowerCase();
      if (field.unique === true && this.world.rows(table.name).some(isTaken)) reasons.add("UNIQUE_VIOLATION");
    }
    for (const pair of uniquePairs[table.name] ?? []) {
      if (this.world.rows(table.name).some((other) => other !== before && pair.every((name) => other[name] === after[name]))) reasons.add("UNIQUE_VIOLATION");
    }
  }

  /** Something that does not go with it refers to it. */
  private isHeld(table: TableModel, row: Row): boolean {
    const gone = new Set<Row>();
    const goes = (name: string, one: Row): void => {
      if (gone.has(one)) return;
      gone.add(one);
      for (const [child, key, parent] of cascades) {
        if (parent === name) for (const other of this.world.rows(child)) if (other[key] === one[tableNamed(name).key.name]) goes(child, other);
      }
    };
    goes(table.name, row);
    return restricts.some(([child, key, parent]) => this.world.rows(child).some((other) => !gone.has(other) && [...gone].some((one) => this.world.rows(parent).includes(one) && other[key] === one[tableNamed(parent).key.name])));
  }

  /** The same with one record changed, added or (null) gone. */
  after(table: TableModel, key: unknown, row: Row | null): SeededWorld {
    const rows = (this.world.all.get(table.name) ?? []).filter((other) => other[table.key.name] !== key);
    return worldOf(new Map([...this.world.all, [table.name, row === null ? rows : [...rows, row]]]));
  }
}

const uniquePairs: Readonly<Record<string, readonly (readonly string[])[]>> = { Crew: [["personId", "projectId"]], Tagging: [["tagId", "projectId"]] };
type Edge = readonly [child: string, key: string, parent: string];
const cascades: readonly Edge[] = [
  ["Task", "projectId", "Project"], ["Note", "taskId", "Task"], ["Crew", "personId", "Person"], ["Crew", "projectId", "Project"], ["Tagging", "tagId", "Tag"], ["Tagging", "projectId", "Project"],
];
const restricts: readonly Edge[] = [
  ["Project", "orgId", "Org"], ["Project", "vaultId", "Vault"], ["Project", "cellarId", "Cellar"], ["Task", "parentId", "Task"], ["Task", "reviewerId", "Person"],
];

export function changed(table: TableModel, row: Row, patch: Body): Row {
  const draft: Record<string, unknown> = { ...row, ...patch };
  for (const field of table.fields) if (field.compute !== undefined) draft[field.name] = field.compute(draft);
  return draft;
}
