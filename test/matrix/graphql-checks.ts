// /graphql for one identity: the schema has what they may ever read, write and call and nothing else, answers are what the oracle shows,
// and what is hidden answers as what nobody declared.
import { buildClientSchema, getIntrospectionQuery, isObjectType, isInputObjectType, type GraphQLSchema, type IntrospectionQuery } from "graphql";
import { compareWire, hasOrder } from "./comparable.ts";
import type { Who } from "./identities.ts";
import type { Answer, Matrix } from "./matrix-server.ts";
import type { FieldModel, RelationModel, Row, TableModel } from "./model.ts";
import { inKeyOrder, inOrderOf } from "./record-checks.ts";
import { tableNamed, tables } from "./tables.ts";

export interface GraphqlPlace { readonly matrix: Matrix; readonly who: Who; readonly table: TableModel }

export function askGraphql(matrix: Matrix, who: Who, query: string, variables: object = {}, known: readonly unknown[] = []): Promise<Answer> {
  return matrix.ask(who, "/graphql", { method: "POST", body: { query, variables }, known });
}

export const low = ({ name }: TableModel): string => name.charAt(0).toLowerCase() + name.slice(1);
const data = (answer: Answer): Readonly<Record<string, never>> => ((answer.json as { data?: Record<string, never> | null }).data ?? {});

/** The answer has no error; returns its root field. */
function rootOf(matrix: Matrix, answer: Answer, name: string): unknown {
  matrix.checks += 1;
  if (answer.code !== null) matrix.fail(answer, "no error");
  return data(answer)[name];
}

export async function checkSchema(matrix: Matrix, who: Who): Promise<void> {
  const { oracle } = matrix;
  const answer = await askGraphql(matrix, who, getIntrospectionQuery());
  if (answer.code !== null) return matrix.fail(answer, "a schema");
  const schema: GraphQLSchema = buildClientSchema((answer.json as { data: IntrospectionQuery }).data);
  const names = (type: string): string[] => {
    const found = schema.getType(type);
    return isObjectType(found) || isInputObjectType(found) ? Object.keys(found.getFields()).sort() : [];
  };
  const [queries, mutations] = [names("Query"), names("Mutation")];
  for (const table of tables) {
    const readable = oracle.mayEver(who, table, "R");
    const relations = table.relations.filter((relation) => oracle.relationExists(who, table, relation));
    const fields = oracle.fields(who, table).map(({ name }) => name);
    const isReached = schema.getType(table.name) !== undefined;
    const aggregates = relations.filter(({ kind }) => kind !== "one").map(({ name }) => `${name}Aggregate`);
    if (isReached) {
      matrix.same(answer, names(table.name), [...fields, ...relations.map(({ name }) => name), ...aggregates].sort());
      matrix.same(answer, names(`${table.name}Filter`), [...fields, ...relations.map(({ name }) => name), "and", "not", "or"].sort());
    } else if (readable && table.path !== null) matrix.fail(answer, `the type ${table.name}`);
    if (isReached && !readable) matrix.fail(answer, `no type ${table.name}`);
    const may = (verb: string): boolean => table.path !== null && oracle.mayEver(who, table, verb);
    matrix.same(answer, queries.includes(`${low(table)}List`), may("R"));
    matrix.same(answer, mutations.includes(`create${table.name}`), may("C"));
    matrix.same(answer, mutations.includes(`remove${table.name}`), may("D") && may("R"));
    const inputs = (verb: string): string[] => table.fields.filter((field) => isSettable(field, table, verb) && (field.rules === null || oracle.mayEver(who, { ...table, rules: field.rules }, verb))).map(({ name }) => name).sort();
    if (may("C")) matrix.same(answer, names(`${table.name}Input`), inputs("C"));
    if (may("U") && readable) matrix.same(answer, names(`${table.name}Patch`), inputs("U"));
  }
}

function isSettable(field: FieldModel, table: TableModel, verb: string): boolean {
  return field.kind === "stored" || (field.kind === "fixed" && verb === "C") ? verb === "C" || field !== table.key : false;
}

/** A nested object is selected whole. */
export const graphqlSelection = (field: FieldModel): string => (field.type === "Object" ? `${field.name} { lat lon label inner { note size } }` : field.name);

/** In GraphQL what is hidden on a record is null. */
function shown({ matrix, who }: Omit<GraphqlPlace, "table">, field: FieldModel, row: Row): unknown {
  const value = matrix.oracle.value(who, field, row);
  if (field.type !== "Object" || value === null) return value;
  const { lat = null, lon = null, label = null, inner = null } = value as Row;
  return { lat, lon, label, inner: inner === null ? null : { note: (inner as Row)["note"] ?? null, size: (inner as Row)["size"] ?? null } };
}

export const graphqlView = (place: Omit<GraphqlPlace, "table">, fields: readonly FieldModel[], row: Row): Row => Object.fromEntries(fields.map((field) => [field.name, shown(place, field, row)]));

export async function checkRows(place: GraphqlPlace): Promise<void> {
  const { matrix, who, table } = place;
  const key = table.key.name;
  const fields = matrix.oracle.fields(who, table);
  if (fields.length === 0) return checkUnknown(matrix, who, (name) => `{ ${name}List { total } }`, low(table));
  const rows = inKeyOrder(table, matrix.oracle.visible(who, table));
  const all = fields.map(graphqlSelection).join(" ");
  const list = await askGraphql(matrix, who, `{ it: ${low(table)}List(order: [{ ${key}: ASC }]) { total rows { ${all} } } }`);
  matrix.same(list, rootOf(matrix, list, "it"), { total: rows.length, rows: rows.map((row) => graphqlView(place, fields, row)) });
  const turn = matrix.identities.indexOf(who);
  for (const [index, row] of matrix.world.all.get(table.name)!.entries()) {
    if (matrix.width <= 2 && (index + turn) % 3 !== 0) continue;
    const isThere = rows.includes(row);
    const one = await askGraphql(matrix, who, `query($id: ${table.key.type}!) { plain: ${low(table)}(${key}: $id) { ${all} } read: ${low(table)}(${key}: $id) { x: ${key} ${relationsOf(place)} } }`, { id: row[key] });
    matrix.same(one, rootOf(matrix, one, "plain"), isThere ? graphqlView(place, fields, row) : null);
    matrix.same(one, (rootOf(matrix, one, "read") as Row | null)?.["x"] ?? null, isThere ? row[key] : null);
  }
}

function relationsOf({ matrix, who, table }: GraphqlPlace): string {
  return table.relations.filter((relation) => matrix.oracle.relationExists(who, table, relation)).map(({ name }) => `${name} { __typename }`).join(" ");
}

/** As for a name that nobody declared. */
async function checkUnknown(matrix: Matrix, who: Who, query: (name: string) => string, name: string): Promise<void> {
  const [hidden, nowhere] = await Promise.all([name, "nosuch"].map((one) => askGraphql(matrix, who, query(one), {}, [one])));
  const plain = ({ json }: Answer, own: string): string =>
    JSON.stringify((json as { errors?: { message: string; extensions: { code: string } }[] }).errors?.map(({ message, extensions }) => [message.replace(/ Did you mean .*\?/, "").replaceAll(own, "NAME"), extensions.code]));
  matrix.checks += 1;
  if (hidden!.code !== "INVALID_DOCUMENT" || plain(hidden!, name) !== plain(nowhere!, "nosuch")) matrix.fail(hidden!, `as for what is not there: ${nowhere!.text.slice(0, 200)}`);
}

export async function checkGraphqlField(place: GraphqlPlace, field: FieldModel): Promise<void> {
  const { matrix, who, table } = place;
  const [list, key] = [`${low(table)}List`, table.key.name];
  if (!matrix.oracle.mayEver(who, table, "R")) return;
  if (!matrix.oracle.exists(who, field)) {
    const queries: ((name: string) => string)[] = [
      (name) => `{ ${list} { rows { ${name} } } }`, (name) => `{ ${list}(filter: { ${name}: { eq: null } }) { total } }`, (name) => `{ ${list}(filter: { not: { ${name}: null } }) { total } }`,
      (name) => `{ ${list}(order: [{ ${name}: ASC }]) { total } }`, (name) => `{ ${low(table)}Aggregate { by { ${name} } } }`, (name) => `{ ${low(table)}Aggregate { count max { ${name} } } }`,
    ];
    for (const query of queries) await checkUnknown(matrix, who, query, field.name);
    return;
  }
  const rows = inKeyOrder(table, matrix.oracle.visible(who, table));
  const value = (row: Row): unknown => matrix.oracle.value(who, field, row);
  const expectKeys = async (filter: string, found: readonly Row[], variables: object = {}, head = ""): Promise<void> => {
    const answer = await askGraphql(matrix, who, `${head}{ it: ${list}(filter: ${filter}, order: [{ ${key}: ASC }]) { rows { ${key} } } }`, variables);
    matrix.same(answer, (rootOf(matrix, answer, "it") as { rows: Row[] } | null)?.rows.map((row) => row[key]), found.map((row) => row[key]));
  };
  await expectKeys(`{ ${field.name}: null }`, rows.filter((row) => value(row) === null));
  await expectKeys(`{ ${field.name}: { is: NOT_NULL } }`, rows.filter((row) => value(row) !== null));
  if (!hasOrder(field.type)) return;
  const type = field.type === "Enum" ? enumType(field) : field.type;
  for (const probe of probes(place, field)) {
    await expectKeys(`{ ${field.name}: { eq: $v } }`, rows.filter((row) => value(row) === probe), { v: probe }, `query($v: ${type}) `);
    await expectKeys(`{ not: { ${field.name}: { in: $v } } }`, rows.filter((row) => value(row) !== null && value(row) !== probe), { v: [probe] }, `query($v: [${type}!]) `);
    if (field.type !== "Boolean") await expectKeys(`{ ${field.name}: { gte: $v } }`, rows.filter((row) => value(row) !== null && compareWire(field.type, value(row), probe) >= 0), { v: probe }, `query($v: ${type}) `);
  }
  await checkPages(place, field, rows);
  await checkGroups(place, field, rows);
}

function enumType({ values = [] }: FieldModel): string {
  return values.includes("EU") ? "Region" : values.includes("OPEN") ? "Stage" : values.includes("VIEWER") ? "CrewRole" : "Colour";
}

/** Values of records and fields that are hidden come first. */
function probes({ matrix, who, table }: GraphqlPlace, field: FieldModel): unknown[] {
  const all = matrix.world.all.get(table.name)!;
  const hidden = all.filter((row) => !matrix.oracle.sees(who, table, row) || !matrix.oracle.seesField(who, field, row));
  const values = [...hidden.slice(0, 1), ...all.filter((row) => !hidden.includes(row)).slice(0, 1)].map((row) => row[field.name]);
  return [...new Set(values)].filter((one) => one !== null && one !== undefined);
}

async function checkPages({ matrix, who, table }: GraphqlPlace, field: FieldModel, rows: readonly Row[]): Promise<void> {
  const key = table.key.name;
  const expected = inOrderOf(matrix, who, { table, field, descending: true, nullsFirst: true }, rows).map((row) => row[key]);
  const found: unknown[] = [];
  let after: string | null = null;
  for (let page = 0; page <= rows.length; page++) {
    const answer = await askGraphql(matrix, who, `query($after: String) { it: ${low(table)}List(order: [{ ${field.name}: DESC }], limit: 4, after: $after) { next rows { ${key} } } }`, { after });
    const it = rootOf(matrix, answer, "it") as { next: string | null; rows: Row[] } | null;
    if (it === null) return;
    found.push(...it.rows.map((row) => row[key]));
    after = it.next;
    if (after === null) return void matrix.same(answer, found, expected);
  }
}

async function checkGroups({ matrix, who, table }: GraphqlPlace, field: FieldModel, rows: readonly Row[]): Promise<void> {
  const answer = await askGraphql(matrix, who, `{ it: ${low(table)}Aggregate { count by { v: ${field.name} } } }`);
  const groups = new Map<unknown, number>();
  for (const row of rows) groups.set(matrix.oracle.value(who, field, row), (groups.get(matrix.oracle.value(who, field, row)) ?? 0) + 1);
  const sorted = (pairs: readonly (readonly [unknown, number])[]): string[] => pairs.map((pair) => JSON.stringify(pair)).sort();
  const actual = (rootOf(matrix, answer, "it") as { count: number; by: { v: unknown } }[] | null ?? []).map(({ count, by }) => [by.v, count] as const);
  matrix.same(answer, sorted(actual), sorted([...groups]));
}

export async function checkGraphqlRelation(place: GraphqlPlace, relation: RelationModel): Promise<void> {
  const { matrix, who, table } = place;
  const [list, key] = [`${low(table)}List`, table.key.name];
  if (!matrix.oracle.mayEver(who, table, "R")) return;
  if (!matrix.oracle.relationExists(who, table, relation)) {
    await checkUnknown(matrix, who, (name) => `{ ${list} { rows { ${name} { id } } } }`, relation.name);
    return checkUnknown(matrix, who, (name) => `{ ${list}(filter: { ${name}: {} }) { total } }`, relation.name);
  }
  const target = tableNamed(relation.table);
  const fields = matrix.oracle.fields(who, target);
  const rows = inKeyOrder(table, matrix.oracle.visible(who, table));
  const related = (row: Row): Row[] | null => matrix.oracle.related(who, table, relation, row);
  const inner = fields.map(graphqlSelection).join(" ");
  const many = relation.kind !== "one";
  const query = `{ it: ${list}(order: [{ ${key}: ASC }]) { rows { a: ${key} b: ${relation.name}${many ? `(order: [{ ${target.key.name}: ASC }])` : ""} { ${inner} } ${many ? `c: ${relation.name}Aggregate { count }` : ""} } } }`;
  const answer = await askGraphql(matrix, who, query);
  const shape = (row: Row): unknown => {
    const others = related(row);
    const views = others === null ? null : inKeyOrder(target, others).map((other) => graphqlView(place, fields, other));
    return { a: row[key], b: many ? views : views?.[0] ?? null, ...(many ? { c: views === null ? null : [{ count: views.length }] } : {}) };
  };
  matrix.same(answer, (rootOf(matrix, answer, "it") as { rows: unknown[] } | null)?.rows, rows.map(shape));
  for (const [filter, expected] of [[`{ ${relation.name}: {} }`, true], [`{ ${relation.name}: null }`, false], [`{ not: { ${relation.name}: { ${target.key.name}: { is: NULL } } } }`, null]] as const) {
    const found = await askGraphql(matrix, who, `{ it: ${list}(filter: ${filter}, order: [{ ${key}: ASC }]) { rows { ${key} } } }`);
    const wanted = rows.filter((row) => expected === null || ((related(row) ?? []).length > 0) === expected);
    matrix.same(found, (rootOf(matrix, found, "it") as { rows: Row[] } | null)?.rows.map((row) => row[key]), wanted.map((row) => row[key]));
  }
}
