// Every relation both ways, in every form of an embed: related records that one may not read are not there, nor is the relation whose key is hidden.
import { compareWire, hasOrder } from "./comparable.ts";
import { expectRows, sorted, sumOf, valueText, type Place } from "./field-checks.ts";
import type { Who } from "./identities.ts";
import type { Matrix } from "./matrix-server.ts";
import type { FieldModel, RelationModel, Row, TableModel } from "./model.ts";
import { inKeyOrder } from "./record-checks.ts";
import { tableNamed } from "./tables.ts";

export interface Way extends Place { readonly relation: RelationModel; readonly target: TableModel; readonly rows: readonly Row[] }

export async function checkRelation(place: Place, relation: RelationModel): Promise<void> {
  const { matrix, who, table } = place;
  if (!matrix.oracle.relationExists(who, table, relation)) return checkUnknown(place, relation);
  const way: Way = { ...place, relation, target: tableNamed(relation.table), rows: inKeyOrder(table, matrix.oracle.visible(who, table)) };
  await checkEmbeds(way);
  await checkPresence(way);
  await checkNested(way);
  // In the short size the identities take turns at the fields.
  const turns = matrix.width > 2 ? 1 : 2;
  for (const [index, field] of way.target.fields.entries()) {
    if ((index + matrix.identities.indexOf(who)) % turns !== 0) continue;
    if (matrix.oracle.exists(who, field)) await checkRelatedField(way, field);
    else await checkHiddenField(way, field);
  }
}

async function checkUnknown({ matrix, who, table }: Place, relation: RelationModel): Promise<void> {
  const key = table.key.name;
  const queries = (name: string): string[] => [
    `select=${key},${name}(*)`, `select=${key},${name}!inner(id)`, `select=${key},x:${name}(id)`, `select=${key},...${name}(id)`, `select=${key},${name}(count())`,
    `${name}=is.null`, `${name}=not.is.null`, `select=${key}&${name}.id=eq.1`, `order=${name}(id)`, `select=${key}&${name}.limit=1`, `select=${name}`,
  ];
  for (const [index, query] of queries(relation.name).entries()) {
    const answer = await matrix.ask(who, `/${table.path}?${query}`);
    const other = await matrix.askOnce(who, `/${table.path}?${queries("nosuch")[index]!}`);
    matrix.checks += 1;
    if (answer.status !== 400 || (answer.code !== other.code && answer.code !== "UNKNOWN_PARAMETER")) matrix.fail(answer, `as for a relation that is not there: ${other.status} ${other.code}`);
  }
}

/** One record, or null; many: a list; the key is hidden: absent. */
export function shape(way: Way, row: Row, show: (related: Row) => unknown, name: string): Row {
  const { matrix, who, table, relation, target } = way;
  const related = matrix.oracle.related(who, table, relation, row);
  if (related === null) return {};
  return { [name]: relation.kind === "one" ? (related[0] === undefined ? null : show(related[0])) : inKeyOrder(target, related).map(show) };
}

async function checkEmbeds(way: Way): Promise<void> {
  const { matrix, who, table, relation, target, rows } = way;
  const key = table.key.name;
  const targetKey = target.key.name;
  const view = (row: Row): Row => matrix.oracle.view(who, target, row);
  const whole = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}(*)&order=${key}`);
  if (matrix.status(whole, 200)) matrix.same(whole, whole.json, rows.map((row) => ({ [key]: row[key], ...shape(way, row, view, relation.name) })));
  const renamed = await matrix.ask(who, `/${table.path}?select=${key},x:${relation.name}(y:${targetKey})&order=${key}`);
  if (matrix.status(renamed, 200)) matrix.same(renamed, renamed.json, rows.map((row) => ({ [key]: row[key], ...shape(way, row, (other) => ({ y: other[targetKey] }), "x") })));
  const inner = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}!inner(${targetKey})&order=${key}`);
  const withOne = rows.filter((row) => (matrix.oracle.related(who, table, relation, row) ?? []).length > 0);
  if (matrix.status(inner, 200)) matrix.same(inner, inner.json, withOne.map((row) => ({ [key]: row[key], ...shape(way, row, (other) => ({ [targetKey]: other[targetKey] }), relation.name) })));
  const counted = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}!inner(${targetKey})`, { method: "HEAD", headers: { prefer: "count=exact" } });
  matrix.same(counted, counted.headers.get("content-range")?.split("/")[1], String(withOne.length));
  const single = rows[0];
  if (single === undefined) return;
  const record = await matrix.ask(who, `/${table.path}/${encodeURIComponent(String(single[key]))}?select=${relation.name}(*)`);
  if (matrix.status(record, 200)) matrix.same(record, record.json, shape(way, single, view, relation.name));
}

async function checkPresence(way: Way): Promise<void> {
  const { matrix, who, table, relation, target, rows } = way;
  const key = table.key.name;
  const related = (row: Row): readonly Row[] => matrix.oracle.related(who, table, relation, row) ?? [];
  await expectRows(way, `${relation.name}=is.null`, rows.filter((row) => related(row).length === 0));
  await expectRows(way, `${relation.name}=not.is.null`, rows.filter((row) => related(row).length > 0));
  const sizes = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}(count())&order=${key}`);
  if (matrix.status(sizes, 200)) {
    const size = (value: unknown): unknown => (Array.isArray(value) ? (value as Row[])[0]?.["count"] : (value as Row | null | undefined)?.["count"]) ?? 0;
    matrix.same(sizes, (sizes.json as Row[]).map((row) => size(row[relation.name])), rows.map((row) => related(row).length));
  }
  const spread = await matrix.ask(who, `/${table.path}?select=${key},...${relation.name}(y:${target.key.name})&order=${key}`);
  if (!matrix.status(spread, 200)) return;
  const values = (row: Row): unknown => (relation.kind === "one" ? related(row)[0]?.[target.key.name] ?? null : inKeyOrder(target, related(row)).map((other) => other[target.key.name]));
  matrix.same(spread, (spread.json as Row[]).map((row) => row["y"] ?? null), rows.map(values));
}

/** Each relation of the related table inside. */
async function checkNested(way: Way): Promise<void> {
  const { matrix, who, table, relation, target, rows } = way;
  const key = table.key.name;
  for (const next of target.relations) {
    const query = (inside: string): string => `/${table.path}?select=${key},${relation.name}(${target.key.name},${next.name}${inside}(*))&order=${key}`;
    const answer = await matrix.ask(who, query(""));
    if (!matrix.oracle.relationExists(who, target, next)) {
      matrix.status(answer, 400, "UNKNOWN_FIELD");
      continue;
    }
    const further: Way = { matrix, who, table: target, relation: next, target: tableNamed(next.table), rows: [] };
    const nested = (row: Row): Row => ({ [target.key.name]: row[target.key.name], ...shape(further, row, (other) => matrix.oracle.view(who, further.target, other), next.name) });
    if (matrix.status(answer, 200)) matrix.same(answer, answer.json, rows.map((row) => ({ [key]: row[key], ...shape(way, row, nested, relation.name) })));
    const inner = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}!inner(${next.name}!inner(${further.target.key.name}))&order=${key}`);
    const leads = (row: Row): boolean => (matrix.oracle.related(who, table, relation, row) ?? []).some((other) => (matrix.oracle.related(who, target, next, other) ?? []).length > 0);
    if (matrix.status(inner, 200)) matrix.same(inner, (inner.json as Row[]).map((row) => row[key]), rows.filter(leads).map((row) => row[key]));
  }
}

async function checkRelatedField(way: Way, field: FieldModel): Promise<void> {
  const { matrix, who, table, relation, target, rows } = way;
  const key = table.key.name;
  const value = (row: Row): unknown => matrix.oracle.value(who, field, row);
  const related = (row: Row): readonly Row[] => matrix.oracle.related(who, table, relation, row) ?? [];
  for (const probe of probesOf(way, field)) {
    const answer = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}!inner(${target.key.name})&order=${key}&${relation.name}.${field.name}=eq.${valueText(field, probe)}`);
    const matches = (row: Row): Row[] => inKeyOrder(target, related(row).filter((other) => value(other) === probe));
    if (matrix.status(answer, 200)) matrix.same(answer, (answer.json as Row[]).map((row) => row[key]), rows.filter((row) => matches(row).length > 0).map((row) => row[key]));
    const outer = await matrix.ask(who, `/${table.path}?select=${relation.name}(${target.key.name})&order=${key}&${relation.name}.${field.name}=eq.${valueText(field, probe)}`);
    if (matrix.status(outer, 200)) matrix.same(outer, (outer.json as Row[]).map((row) => keysOf(row[relation.name], target)), rows.map((row) => matches(row).map((other) => other[target.key.name])));
  }
  if (hasOrder(field.type)) await checkRelatedOrder(way, field);
  await checkRelatedGroups(way, field);
}

function keysOf(value: unknown, target: TableModel): unknown[] {
  const list = Array.isArray(value) ? value as Row[] : value === null || value === undefined ? [] : [value as Row];
  return list.map((row) => row[target.key.name]);
}

function probesOf({ matrix, who, target }: Way, field: FieldModel): unknown[] {
  if (["JSON", "List", "Object", "Vector"].includes(field.type)) return [];
  const all = matrix.world.all.get(target.name)!;
  const hidden = all.filter((row) => !matrix.oracle.sees(who, target, row) || !matrix.oracle.seesField(who, field, row));
  return [...new Set([...hidden.slice(0, 1), ...all.filter((row) => !hidden.includes(row)).slice(0, matrix.width - 1)].map((row) => row[field.name]))].filter((value) => value !== null && value !== undefined);
}

async function checkRelatedOrder(way: Way, field: FieldModel): Promise<void> {
  const { matrix, who, table, relation, target, rows } = way;
  const key = table.key.name;
  const value = (row: Row | undefined): unknown => (row === undefined ? null : matrix.oracle.value(who, field, row));
  const related = (row: Row): readonly Row[] => matrix.oracle.related(who, table, relation, row) ?? [];
  const byValue = (ordered: readonly Row[], of: (row: Row) => unknown): Row[] => [...ordered].sort((left, right) => {
    const [one, other] = [of(left), of(right)];
    return one === null || other === null ? (one === other ? 0 : one === null ? 1 : -1) : compareWire(field.type, one, other);
  });
  if (relation.kind === "one") {
    const answer = await matrix.ask(who, `/${table.path}?select=${key}&order=${relation.name}(${field.name})`);
    if (matrix.status(answer, 200)) matrix.same(answer, (answer.json as Row[]).map((row) => row[key]), byValue(rows, (row) => value(related(row)[0])).map((row) => row[key]));
    await checkCursors(way, `${relation.name}(${field.name})`);
    return;
  }
  const answer = await matrix.ask(who, `/${table.path}?select=${relation.name}(${target.key.name})&order=${key}&${relation.name}.order=${field.name}&${relation.name}.limit=2`);
  const first = (row: Row): unknown[] => byValue(inKeyOrder(target, related(row)), value).slice(0, 2).map((other) => other[target.key.name]);
  if (matrix.status(answer, 200)) matrix.same(answer, (answer.json as Row[]).map((row) => keysOf(row[relation.name], target)), rows.map(first));
}

/** A cursor holds order keys: those of related records, too. */
async function checkCursors({ matrix, who, table, rows }: Way, order: string): Promise<void> {
  const key = table.key.name;
  const found: unknown[] = [];
  let after = "";
  for (let page = 0; page <= rows.length; page++) {
    const answer = await matrix.ask(who, `/${table.path}?select=${key}&order=${order}.desc&limit=4${after}`);
    if (!matrix.status(answer, 200)) return;
    found.push(...(answer.json as Row[]).map((row) => row[key]));
    const next = answer.headers.get("ambit-next-cursor");
    if (next === null) {
      matrix.same(answer, sorted(found), sorted(rows.map((row) => row[key])));
      return;
    }
    after = `&after=${encodeURIComponent(next)}`;
  }
}

async function checkRelatedGroups(way: Way, field: FieldModel): Promise<void> {
  const { matrix, who, table, relation, rows } = way;
  const key = table.key.name;
  const value = (row: Row): unknown => matrix.oracle.value(who, field, row);
  const related = (row: Row): readonly Row[] => matrix.oracle.related(who, table, relation, row) ?? [];
  const values = (row: Row): unknown[] => related(row).map(value).filter((one) => one !== null);
  const has = hasOrder(field.type) && field.type !== "Boolean";
  const isSummed = sumOf(field, []) !== undefined;
  const select = [`${field.name}.count()`, ...(has ? [`${field.name}.max()`] : []), ...(isSummed ? [`${field.name}.sum()`] : [])].join(",");
  const answer = await matrix.ask(who, `/${table.path}?select=${key},${relation.name}(${select})&order=${key}`);
  if (matrix.status(answer, 200)) {
    const one = (shown: unknown): Row => (Array.isArray(shown) ? (shown as Row[])[0] : shown as Row | undefined) ?? {};
    matrix.same(answer, (answer.json as Row[]).map((row) => summary(one(row[relation.name]), has, isSummed)), rows.map((row) => {
      const present = values(row);
      const inOrder = has ? [...present].sort((left, right) => compareWire(field.type, left, right)) : [];
      return { count: present.length, ...(has ? { max: inOrder.at(-1) ?? null } : {}), ...(isSummed ? { sum: sumOf(field, present) } : {}) };
    }));
  }
  if (relation.kind === "one" && !["JSON", "List", "Object", "Vector"].includes(field.type)) await checkSpreadGroups(way, field);
}

function summary(shown: Row, has: boolean, isSummed: boolean): Row {
  return { count: shown["count"] ?? 0, ...(has ? { max: shown["max"] ?? null } : {}), ...(isSummed ? { sum: shown["sum"] ?? null } : {}) };
}

/** Groups of the outer table by a field of the record that a relation leads to. */
async function checkSpreadGroups({ matrix, who, table, relation, rows }: Way, field: FieldModel): Promise<void> {
  const groups = new Map<unknown, number>();
  for (const row of rows) {
    const other = matrix.oracle.related(who, table, relation, row)?.[0];
    const value = other === undefined ? null : matrix.oracle.value(who, field, other);
    groups.set(value, (groups.get(value) ?? 0) + 1);
  }
  const answer = await matrix.ask(who, `/${table.path}?select=...${relation.name}(x:${field.name}),count()`);
  if (matrix.status(answer, 200)) matrix.same(answer, sorted((answer.json as Row[]).map((row) => [row["x"] ?? null, row["count"]])), sorted([...groups]));
}

async function checkHiddenField({ matrix, who, table, relation, target }: Way, field: FieldModel): Promise<void> {
  const { name } = relation;
  const key = target.key.name;
  const queries = (hidden: string): string[] => [
    `select=${name}(${hidden})`, `select=${name}(${key},x:${hidden})`, `select=${name}(${key})&${name}.${hidden}=eq.1`, `select=${name}(${key})&${name}.${hidden}=is.null`, `select=${name}(${hidden}.max())`,
    `select=${name}(${key})&${name}.order=${hidden}`, `select=${name}(${key})&${name}.or=(${hidden}.is.null,${key}.is.null)`, `select=...${name}(${hidden})`, `order=${name}(${hidden})`, `select=...${name}(${hidden}),count()`,
  ];
  for (const [index, query] of queries(field.name).entries()) {
    const answer = await matrix.ask(who, `/${table.path}?${query}`);
    const other = await matrix.askOnce(who, `/${table.path}?${queries("nosuch")[index]!}`);
    matrix.checks += 1;
    if (answer.status !== 400 || answer.code !== other.code) matrix.fail(answer, `as for a field that is not there: ${other.status} ${other.code}`);
  }
}

/** All relations of one identity and table. */
export async function checkRelations(matrix: Matrix, who: Who, table: TableModel): Promise<void> {
  for (const relation of table.relations) await checkRelation({ matrix, who, table }, relation);
}
