// Every field in every place where a query can name it: a field that one may not read does not exist, a hidden value is null.
import { compareWire, hasOrder } from "./comparable.ts";
import type { Who } from "./identities.ts";
import type { Answer, Matrix } from "./matrix-server.ts";
import type { FieldModel, Row, TableModel } from "./model.ts";
import { inKeyOrder } from "./record-checks.ts";

export interface Place { readonly matrix: Matrix; readonly who: Who; readonly table: TableModel }

/** The query finds exactly these records. */
export async function expectRows({ matrix, who, table }: Place, query: string, rows: readonly Row[]): Promise<void> {
  const key = table.key.name;
  const answer = await matrix.ask(who, `/${table.path}?select=${key}&order=${key}&${query}`);
  if (matrix.status(answer, 200)) matrix.same(answer, answer.json, inKeyOrder(table, rows).map((row) => ({ [key]: row[key] })));
}

export async function checkField(place: Place, field: FieldModel): Promise<void> {
  const { matrix, who } = place;
  if (!matrix.oracle.exists(who, field)) return checkUnknown(place, field);
  await checkSelected(place, field);
  await checkFilters(place, field);
  await checkParts(place, field);
  await checkGroups(place, field);
}

/** In all places the same answer as for a name that nobody declared. */
async function checkUnknown({ matrix, who, table }: Place, field: FieldModel): Promise<void> {
  const key = table.key.name;
  const queries = (name: string): string[] => [
    `select=${name}`, `select=${key},${name}`, `select=x:${name}`, `select=${name}::text`, `select=*,${name}`, `select=${name}->>k`, `select=${name}->inner`,
    `${name}=is.null`, `${name}=not.is.null`, `${name}=eq.${name === "nosuch" ? 1 : valueText(field, anyValue(matrix, table, field))}`, `${name}=neq.1`, `${name}=in.(1,2)`, `${name}=isdistinct.1`, `${name}=not.eq.1`, `${name}=1`,
    `${name}=like.*a*`, `${name}=ilike.*a*`, `${name}=match.a`, `${name}=fts.lantern`, `${name}=cs.{a}`, `${name}->>k=eq.1`, `${name}->n=gt.1`,
    `order=${name}`, `order=${name}.desc.nullslast`, `order=${key},${name}`, `order=${name}->>k`, `and=(${name}.is.null)`, `or=(${name}.is.null,${key}.is.null)`, `not.or=(${name}.gt.1,${key}.is.null)`,
    `select=${name},count()`, `select=${name}.count()`, `select=${name}.max()`, `select=m:${name}.min()`, `select=${name}.sum()`, `select=count()&order=${name}`,
    `near=${name}:10,20,1000`, `similar=${name}:[1,2,3]`, `select=${name}(*)`, `${name}.id=eq.1`,
  ];
  const hidden = queries(field.name);
  const nowhere = queries("nosuch");
  // In the short size the wide table's many fields of one kind take turns.
  const turns = matrix.width > 2 || table.fields.length < 30 ? 1 : 3;
  const turn = table.fields.indexOf(field);
  for (const [index, query] of hidden.entries()) {
    if ((index + turn) % turns !== 0) continue;
    const answer = await matrix.ask(who, `/${table.path}?${query}`);
    const other = await matrix.askOnce(who, `/${table.path}?${nowhere[index]!}`);
    matrix.checks += 1;
    if (answer.status !== 400 || !sameRefusal(answer, other, field.name)) matrix.fail(answer, `as for a field that is not there: ${other.status} ${other.text.slice(0, 200)}`);
  }
}

/** Names of suggestions may differ, and a name near to a parameter is taken for that. */
function sameRefusal(answer: Answer, other: Answer, name: string): boolean {
  if (answer.code === "UNKNOWN_PARAMETER") return true;
  const plain = ({ json }: Answer, own: string): string => {
    const { message, code, status, details, where } = json as Record<string, unknown>;
    const text = JSON.stringify({ message: String(message).replace(/ Did you mean .*\?/, ""), code, status, details, where });
    return text.replaceAll(own, "NAME").replace(/parameter|field/g, "field");
  };
  return plain(answer, name) === plain(other, "nosuch");
}

function anyValue(matrix: Matrix, table: TableModel, field: FieldModel): unknown {
  return matrix.world.rows(table.name).map((row) => row[field.name]).find((value) => value !== null && value !== undefined) ?? 1;
}

export function valueText(field: FieldModel, value: unknown): string {
  return encodeURIComponent(typeof value === "object" ? JSON.stringify(value) : field.type === "List" ? "{a}" : String(value));
}

async function checkSelected({ matrix, who, table }: Place, field: FieldModel): Promise<void> {
  const rows = inKeyOrder(table, matrix.oracle.visible(who, table));
  const shown = (alias: string, value: (row: Row) => unknown): unknown[] => rows.map((row) => (matrix.oracle.seesField(who, field, row) ? { [alias]: value(row) } : {}));
  for (const [select, alias] of [[field.name, field.name], [`x:${field.name}`, "x"]] as const) {
    const answer = await matrix.ask(who, `/${table.path}?select=${select}&order=${table.key.name}`);
    if (matrix.status(answer, 200)) matrix.same(answer, answer.json, shown(alias, (row) => row[field.name] ?? null));
  }
  const cast = await matrix.ask(who, `/${table.path}?select=${field.name}::text&order=${table.key.name}`);
  if (matrix.status(cast, 200)) matrix.same(cast, (cast.json as Row[]).map((row) => Object.keys(row)), shown(field.name, () => null).map((row) => Object.keys(row as Row)));
  for (const row of rows.slice(0, 3)) {
    const answer = await matrix.ask(who, `/${table.path}/${encodeURIComponent(String(row[table.key.name]))}?select=${field.name}`);
    if (matrix.status(answer, 200)) matrix.same(answer, answer.json, matrix.oracle.seesField(who, field, row) ? { [field.name]: row[field.name] ?? null } : {});
  }
}

async function checkFilters(place: Place, field: FieldModel): Promise<void> {
  const { matrix, who, table } = place;
  const visible = matrix.oracle.visible(who, table);
  const value = (row: Row): unknown => matrix.oracle.value(who, field, row);
  const where = (test: (seen: unknown) => boolean): Row[] => visible.filter((row) => value(row) !== null && test(value(row)));
  await expectRows(place, `${field.name}=is.null`, visible.filter((row) => value(row) === null));
  await expectRows(place, `${field.name}=not.is.null`, where(() => true));
  if (!isComparable(field)) return;
  for (const probe of probes(place, field)) {
    const text = valueText(field, probe);
    const equal = where((seen) => seen === probe);
    await expectRows(place, `${field.name}=eq.${text}`, equal);
    await expectRows(place, `not.and=(${field.name}.eq."${text}")`, where((seen) => seen !== probe));
    await expectRows(place, `${field.name}=neq.${text}`, where((seen) => seen !== probe));
    await expectRows(place, `${field.name}=in.("${text}")`, equal);
    await expectRows(place, `${field.name}=isdistinct.${text}`, visible.filter((row) => value(row) !== probe));
    if (hasOrder(field.type) && field.type !== "Boolean") {
      await expectRows(place, `${field.name}=gte.${text}`, where((seen) => compareWire(field.type, seen, probe) >= 0));
      await expectRows(place, `or=(${field.name}.lt."${text}",${field.name}.gt."${text}")`, where((seen) => seen !== probe));
    }
    if (field.type === "String") await checkTextFilters(place, field, probe as string);
  }
}

function isComparable({ type }: FieldModel): boolean {
  return type !== "JSON" && type !== "List" && type !== "Object" && type !== "Vector";
}

/** Values of records and fields that are hidden come first. */
function probes({ matrix, who, table }: Place, field: FieldModel): unknown[] {
  const all = matrix.world.all.get(table.name)!;
  const hidden = all.filter((row) => !matrix.oracle.sees(who, table, row) || !matrix.oracle.seesField(who, field, row));
  const some = matrix.width > 2 || table.fields.length < 30 ? matrix.width : 1;
  const values = [...hidden.slice(0, some), ...all.filter((row) => !hidden.includes(row)).slice(0, 1)].map((row) => row[field.name]);
  return [...new Set(values)].filter((value) => value !== null && value !== undefined);
}

async function checkTextFilters(place: Place, field: FieldModel, probe: string): Promise<void> {
  const { matrix, who, table } = place;
  const word = probe.split(" ")[0]!;
  const found = matrix.oracle.visible(who, table).filter((row) => (matrix.oracle.value(who, field, row) as string | null)?.split(" ")[0] === word);
  await expectRows(place, `${field.name}=like.${word}*`, found);
  await expectRows(place, `${field.name}=ilike.*${word.toUpperCase()}*`, found);
  await expectRows(place, `${field.name}=match.^${word}`, found);
  // What is hidden neither matches nor fails to.
  const others = matrix.oracle.visible(who, table).filter((row) => matrix.oracle.value(who, field, row) !== null && !found.includes(row));
  await expectRows(place, `${field.name}=not.like.${word}*`, others);
  if (field.text !== true) return;
  for (const operator of ["fts", "plfts", "phfts", "wfts"]) await expectRows(place, `${field.name}=${operator}.${word}`, found);
  // An empty text has no words, which is known.
  const empty = matrix.oracle.visible(who, table).filter((row) => matrix.oracle.seesField(who, field, row) && row[field.name] === null);
  await expectRows(place, `${field.name}=not.fts.${word}`, [...others, ...empty]);
}

/** Inside JSON, nested objects and lists. */
async function checkParts(place: Place, field: FieldModel): Promise<void> {
  const { matrix, who, table } = place;
  const steps = field.type === "JSON" ? [["->>k", "k"], ["->list->>0", "list", "0"]] : field.type === "Object" ? [["->>label", "label"], ["->inner->>note", "inner", "note"], ["->inner->size", "inner", "size"]] : field.type === "List" ? [["->>0", "0"]] : [];
  const visible = inKeyOrder(table, matrix.oracle.visible(who, table));
  for (const [path, ...names] of steps) {
    const part = (value: unknown): unknown => names.reduce<unknown>((inside, name) => (inside as Record<string, unknown> | null)?.[name] ?? null, value);
    const seen = (row: Row): unknown => part(matrix.oracle.value(who, field, row));
    const probe = [...new Set(matrix.world.all.get(table.name)!.map((row) => part(row[field.name] ?? null)))].filter((value) => value !== null).slice(0, matrix.width);
    for (const value of probe) {
      await expectRows(place, `${field.name}${path}=eq.${String(value)}`, visible.filter((row) => seen(row) === value));
      await expectRows(place, `${field.name}${path}=neq.${String(value)}`, visible.filter((row) => seen(row) !== null && seen(row) !== value));
    }
    await expectRows(place, `${field.name}${path}=is.null`, visible.filter((row) => seen(row) === null));
    const answer = await matrix.ask(who, `/${table.path}?select=x:${field.name}${path}&order=${field.name}${path},${table.key.name}`);
    if (matrix.status(answer, 200)) matrix.same(answer, sorted((answer.json as Row[]).map((row) => row["x"] ?? null)), sorted(visible.map(seen)));
  }
  if (field.type === "List") {
    for (const [word] of matrix.world.all.get(table.name)!.map((row) => row[field.name] as string[] | null).filter((list) => list !== null).slice(0, matrix.width)) {
      const holders = visible.filter((row) => (matrix.oracle.value(who, field, row) as string[] | null)?.includes(word!) === true);
      for (const operator of ["cs", "ov"]) await expectRows(place, `${field.name}=${operator}.{${word}}`, holders);
      await expectRows(place, `${field.name}=not.cs.{${word}}`, visible.filter((row) => matrix.oracle.value(who, field, row) !== null && !holders.includes(row)));
    }
  }
}

export function sorted(values: readonly unknown[]): unknown[] {
  return [...values].sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}

/** Groups by the values that the identity sees, and what is counted, added and compared in them. */
async function checkGroups({ matrix, who, table }: Place, field: FieldModel): Promise<void> {
  const visible = matrix.oracle.visible(who, table);
  const seen = visible.map((row) => matrix.oracle.value(who, field, row));
  const path = `/${table.path}`;
  if (isComparable(field)) {
    const groups = new Map<unknown, number>();
    for (const value of seen) groups.set(value, (groups.get(value) ?? 0) + 1);
    const answer = await matrix.ask(who, `${path}?select=${field.name},count()`);
    if (matrix.status(answer, 200)) matrix.same(answer, sorted((answer.json as Row[]).map((row) => [row[field.name] ?? null, row["count"]])), sorted([...groups]));
  }
  const present = seen.filter((value) => value !== null);
  const counted = await matrix.ask(who, `${path}?select=${field.name}.count(),all:count()`);
  if (matrix.status(counted, 200)) matrix.same(counted, counted.json, [{ count: present.length, all: seen.length }]);
  if (hasOrder(field.type) && field.type !== "Boolean") {
    const inOrder = [...present].sort((left, right) => compareWire(field.type, left, right));
    const answer = await matrix.ask(who, `${path}?select=${field.name}.min(),top:${field.name}.max()`);
    if (matrix.status(answer, 200)) matrix.same(answer, answer.json, [{ min: inOrder[0] ?? null, top: inOrder.at(-1) ?? null }]);
  }
  const sum = sumOf(field, present);
  if (sum === undefined) return;
  const average = sum === null ? null : Number(sum) / present.length;
  // The average of what one sees may happen to be what another one has.
  const answer = await matrix.ask(who, `${path}?select=${field.name}.sum(),${field.name}.avg()`, { known: [average] });
  if (matrix.status(answer, 200)) matrix.same(answer, answer.json, [{ sum, avg: average }]);
}

/** Undefined: of a type without sums. */
export function sumOf({ type }: FieldModel, values: readonly unknown[]): unknown {
  if (!["Int", "Long", "Money", "Float", "Decimal"].includes(type)) return undefined;
  if (values.length === 0) return null;
  if (type === "Long") return String(values.reduce<bigint>((sum, value) => sum + BigInt(value as string), 0n));
  const total = values.reduce<number>((sum, value) => sum + Number(value), 0);
  return type === "Decimal" ? total.toFixed(2) : total;
}
