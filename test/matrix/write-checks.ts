// Single writes of one identity: the answer is one of the oracle's reasons, what stands afterwards is what was asked for or as before, and what is answered is readable.
import { canaryOf } from "./canary-values.ts";
import { creations } from "./created-rows.ts";
import type { Who } from "./identities.ts";
import type { Answer, Matrix } from "./matrix-server.ts";
import type { FieldModel, Row, TableModel } from "./model.ts";
import { Oracle } from "./oracle.ts";
import { keyOf } from "./record-checks.ts";
import { restore, restoreRow, storedRow, withoutComputed } from "./stored-rows.ts";
import { tableNamed } from "./tables.ts";
import { changed, denial, type Reasons, type WriteOracle } from "./write-oracle.ts";

export interface Writing { readonly matrix: Matrix; readonly writes: WriteOracle; readonly who: Who; readonly table: TableModel }

const STATUS: Readonly<Record<string, number>> = {
  NOT_FOUND: 404, FORBIDDEN: 403, UNAUTHENTICATED: 401, VALIDATION_FAILED: 400, READ_ONLY_FIELD: 422, REFERENCE_VIOLATION: 409, UNIQUE_VIOLATION: 409,
};

/** True where the write succeeded, and had to. */
export function judge(matrix: Matrix, answer: Answer, reasons: Reasons, status: number): boolean {
  matrix.checks += 1;
  if (reasons.size === 0) return matrix.status(answer, status);
  const told = answer.code ?? "";
  if (!reasons.has(told) || answer.status !== STATUS[told]) matrix.fail(answer, `one of ${[...reasons].join(", ")}`);
  return false;
}

/** The record replaced by what its writer sees of it. `after`: what must stand then. */
export function ownPut(matrix: Matrix, who: Who, table: TableModel, row: Row): { readonly body: Row; readonly reasons: Reasons; readonly after: Row } {
  const { oracle } = matrix;
  // A hidden id is a create that is refused.
  if (!oracle.sees(who, table, row)) return { body: { ...creations(matrix, who, table)[0]!, [table.key.name]: row[table.key.name] }, reasons: new Set([denial(who)]), after: row };
  const body = oracle.view(who, table, row);
  if (!oracle.may(who, table, row, "U", row)) return { body, reasons: new Set([denial(who)]), after: row };
  // What is hidden but may be changed is omitted, and so becomes empty.
  const emptied = table.fields.filter((field) => !Object.hasOwn(body, field.name) && field.kind === "stored" && oracle.mayField(who, field, row, "U"));
  return { body, reasons: new Set(), after: { ...row, ...Object.fromEntries(emptied.map(({ name }) => [name, null])) } };
}

let next = 6_000;

/** Values to set: a new one, and such as rules and references look at. */
export function valuesFor({ matrix, who }: Writing, field: FieldModel, row: Row | null): unknown[] {
  const subject = who.subject ?? "nobody";
  if (field.refers !== undefined) {
    const target = tableNamed(field.refers);
    const all = matrix.world.all.get(target.name)!;
    const seen = all.find((other) => matrix.oracle.sees(who, target, other) && !matrix.world.ghosts.get(target.name)!.includes(other) && other[target.key.name] !== row?.[field.name]);
    const unseen = all.find((other) => !matrix.oracle.sees(who, target, other));
    const ghost = matrix.world.ghosts.get(target.name)![0];
    return [seen, unseen, ghost].filter((other) => other !== undefined).map((other) => other[target.key.name]);
  }
  if (field.values !== undefined) return [...field.values];
  if (field.type === "Boolean") return [true, false];
  if (field.name === "ownerId" || field.name === "bossId" || field.name === "authorId") return [subject, "someone"];
  if (field.name === "desk") return ["attic", "north"];
  const fresh = canaryOf(field.type, next++);
  const taken = field.unique === true ? matrix.world.rows(tableWith(field).name).find((other) => other !== row && other[field.name] !== null)?.[field.name] : undefined;
  const own = row?.[field.name] ?? null;
  return [fresh, ...(taken === undefined ? [] : [taken]), ...(own === null ? [] : [own])];
}

function tableWith(field: FieldModel): TableModel {
  for (const name of ["Org", "Project", "Person", "Tag"]) if (tableNamed(name).fields.includes(field)) return tableNamed(name);
  throw new Error(`no table has ${field.name}`);
}

/** Those that are refused change nothing, and so may run beside each other. */
export async function checkUpdates(updates: readonly { readonly writing: Writing; readonly row: Row; readonly patch: Readonly<Record<string, unknown>> }[]): Promise<void> {
  const permitted = updates.filter(({ writing: { writes, who, table }, row, patch }) => writes.update({ who, table, row, patch }).size === 0);
  const refused = updates.filter((one) => !permitted.includes(one));
  await updates[0]?.writing.matrix.together(refused.map(({ writing, row, patch }) => () => checkUpdate(writing, row, patch)));
  for (const { writing, row, patch } of permitted) await checkUpdate(writing, row, patch);
}

async function checkUpdate({ matrix, writes, who, table }: Writing, row: Row, patch: Readonly<Record<string, unknown>>): Promise<void> {
  const reasons = writes.update({ who, table, row, patch });
  const path = `/${table.path}/${keyOf(table, row)}`;
  const wants = (next & 1) === 0;
  const after = changed(table, row, patch);
  const view = reasons.size === 0 ? readable(writes, { who, table, row: after }) : null;
  // The write itself may have made more of the record visible.
  const answer = await matrix.ask(who, path, { method: "PATCH", body: patch, known: [view], ...(wants ? { headers: { prefer: "return=representation" } } : {}) });
  if (!judge(matrix, answer, reasons, wants && view !== null ? 200 : 204)) return;
  matrix.same(answer, storedRow(matrix, table, row[table.key.name]), withoutComputed(table, after));
  if (wants && answer.status === 200) matrix.same(answer, answer.json, view);
  if (Bun.deepEquals(row, after, true)) return;
  // An expired record that was in the way is gone for it.
  if (table.expiresAt === null) await restoreRow(matrix, table, row);
  else await restore(matrix);
}

/** The record as its writer may see it once it stands; null: not at all. */
function readable(writes: WriteOracle, { who, table, row }: { who: Who; table: TableModel; row: Row }): Row | null {
  const oracle = new Oracle(writes.after(table, row[table.key.name], row));
  return oracle.mayEver(who, table, "R") && oracle.sees(who, table, row) ? oracle.view(who, table, row) : null;
}

export async function checkRemove({ matrix, writes, who, table }: Writing, row: Row, shown: boolean): Promise<void> {
  const reasons = writes.remove(who, table, row);
  const path = `/${table.path}/${keyOf(table, row)}`;
  const view = matrix.oracle.sees(who, table, row) ? matrix.oracle.view(who, table, row) : null;
  // A version that is not there: whoever may delete is told so, all others what they are told anyway.
  const guarded = await matrix.ask(who, path, { method: "DELETE", headers: { "if-match": '"v0"' } });
  if (reasons.size === 0 || reasons.has("REFERENCE_VIOLATION")) matrix.status(guarded, 412, "PRECONDITION_FAILED");
  else judge(matrix, guarded, reasons, 412);
  const answer = await matrix.ask(who, path, { method: "DELETE", ...(shown ? { headers: { prefer: "return=representation" } } : {}) });
  if (!judge(matrix, answer, reasons, shown ? 200 : 204)) return;
  if (shown) matrix.same(answer, answer.json, view);
  matrix.same(answer, storedRow(matrix, table, row[table.key.name]), null);
  await restore(matrix);
}

export async function checkCreate({ matrix, writes, who, table }: Writing, body: Readonly<Record<string, unknown>>): Promise<void> {
  const reasons = writes.create(who, table, body);
  const answer = await matrix.ask(who, `/${table.path}`, { method: "POST", body, headers: { prefer: "return=representation" } });
  if (!judge(matrix, answer, reasons, 201)) return;
  const made = writes.made(who, table, body);
  const view = readable(writes, { who, table, row: made });
  matrix.same(answer, answer.json, view === null ? [] : [view]);
  const key = body[table.key.name];
  matrix.same(answer, storedRow(matrix, table, key), withoutComputed(table, made));
  await restore(matrix);
}
