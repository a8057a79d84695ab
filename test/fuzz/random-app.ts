// A random app: SDL of four related tables with fields of every type, and records for them with awkward values.
import type { RecordValues, Value } from "../../src/base/value.ts";
import type { Catalog, Field, Table, TypeRef } from "../../src/schema/catalog.ts";
import { planDatabase, type PlanDatabase } from "../../src/storage/testing/plan-database.ts";
import type { Dice } from "./dice.ts";
import { randomScalar } from "./random-values.ts";

export interface FuzzApp {
  readonly schema: string;
  readonly database: PlanDatabase;
  readonly catalog: Catalog;
  /** All records of each table, expired ones too (under `$expires`). */
  readonly records: ReadonlyMap<string, readonly RecordValues[]>;
}

const keyTypes = ["ID", "String", "Int", "Long"] as const;
const scalarFields = ["String", "String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Decimal", "Bytes", "JSON"] as const;
const enumValues = ["RED", "GREEN", "BLUE", "red"];
const indexable = new Set(["String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Decimal"]);

const searchedRelations: Readonly<Record<string, readonly string[]>> = {
  Alpha: ["betas.note", "gammas.note", "betas.gammas.note"], Beta: ["gammas.note", "gammas.alphas.note"], Gamma: ["alphas.note"],
};

interface Shape { readonly name: string; readonly key: string }

export function randomApp(dice: Dice): FuzzApp {
  const shapes = ["Alpha", "Beta", "Gamma", "Link"].map((name): Shape => ({ name, key: dice.pick(keyTypes) }));
  const [alpha, beta, gamma, link] = shapes as [Shape, Shape, Shape, Shape];
  const schema = [
    `enum Color { ${enumValues.join(" ")} }`,
    "type Place { lat: Float! lon: Float! label: String size: Long tags: [String!] inner: Spot }",
    "type Spot { name: String count: Int }",
    table(alpha, dice, [
      `parentId: ${alpha.key} @indexed`, "parent: Alpha @relationship(from: \"parentId\")", "children: [Alpha!]! @relationship(to: \"parentId\")",
      "betas: [Beta!]! @relationship(to: \"alphaId\")", "gammas: [Gamma!]! @relationship(through: \"Link\")",
    ]),
    table(beta, dice, [
      `alphaId: ${alpha.key}${dice.chance(0.5) ? " @indexed" : ""}`, "alpha: Alpha @relationship(from: \"alphaId\")", "gammas: [Gamma!]! @relationship(to: \"betaId\")",
    ]),
    table(gamma, dice, [`betaId: ${beta.key}`, "beta: Beta @relationship(from: \"betaId\")", "alphas: [Alpha!]! @relationship(through: \"Link\")"]),
    table(link, dice, [
      `alphaId: ${alpha.key}! @indexed`, "alpha: Alpha! @relationship(from: \"alphaId\")", `gammaId: ${gamma.key}! @indexed`, "gamma: Gamma! @relationship(from: \"gammaId\")",
    ]),
  ].join("\n");
  // Half of the apps run every statement in its guarded form.
  const database = planDatabase(schema, { pageRows: 500, embedRows: 200, scanRows: dice.chance(0.5) ? 2 : 100_000, queryMs: 60_000 });
  const records = fill(database, shapes, dice);
  return { schema, database, catalog: database.catalog, records };
}

function table({ name, key }: Shape, dice: Dice, relations: readonly string[]): string {
  const fields = [`id: ${key}! @primaryKey`, ...relations];
  const searched: string[] = ["note", ...dice.some(searchedRelations[name] ?? [], 0.5)];
  for (const [index, type] of scalarFields.entries()) {
    if (!dice.chance(0.7)) continue;
    const field = `${type.toLowerCase()}${index}`;
    const required = dice.chance(0.25) ? "!" : "";
    const text = type === "String" && dice.chance(0.6);
    if (text) searched.push(field);
    const index1 = indexable.has(type) && dice.chance(0.4) ? ` @indexed${type === "String" && dice.chance(0.3) ? "(fold: true)" : ""}` : "";
    fields.push(`${field}: ${type}${required}${index1}${text ? " @indexed(type: TEXT)" : ""}`);
  }
  fields.push(`cents: Money${dice.chance(0.3) ? "!" : ""} @currency(code: "EUR")`, "order: Int", "color: Color @indexed", "note: String @indexed(type: TEXT)");
  if (dice.chance(0.6)) fields.push(`words: [String!]${dice.chance(0.3) ? "!" : ""}`, "numbers: [Long]", "colors: [Color!]");
  if (dice.chance(0.6)) fields.push("place: Place @indexed(type: GEO)");
  if (dice.chance(0.5)) fields.push(`vector: Vector @indexed(type: VECTOR, dimensions: 3, metric: ${dice.pick(["COSINE", "L2", "L1"])})`);
  fields.push("twice: Int @computed(rule: \"record.order * 2\")", "rich: Boolean @computed(rule: \"record.cents > 100\")");
  const arguments_ = [...(dice.chance(0.3) ? ["open: true"] : []), ...(dice.chance(0.4) ? ["expiration: \"P1D\""] : [])];
  const search = dice.chance(0.7) ? ` @search(fields: [${searched.map((field) => `"${field}"`).join(", ")}])` : "";
  const compound = dice.chance(0.5) ? " @indexed(fields: [\"color\", \"order\"])" : "";
  return `type ${name} @table${arguments_.length > 0 ? `(${arguments_.join(", ")})` : ""} @export${search}${compound} {\n  ${fields.join("\n  ")}\n}`;
}

function fill(database: PlanDatabase, shapes: readonly Shape[], dice: Dice): Map<string, RecordValues[]> {
  const keys = new Map(shapes.map(({ name, key }) => [name, randomKeys(key, dice, name === "Link" ? 24 : 4 + dice.below(14))]));
  const records = new Map<string, RecordValues[]>();
  for (const { name } of shapes) {
    const table = database.table(name);
    const rows = keys.get(name)!.map((id) => randomRecord(table, id, { dice, keys, catalog: database.catalog }));
    database.insert(name, ...rows);
    records.set(name, rows);
  }
  return records;
}

export function randomKeys(type: string, dice: Dice, count: number): Value[] {
  const keys = new Set<Value>();
  while (keys.size < count) {
    const number = dice.below(60) - 10;
    if (type === "Int") keys.add(number);
    else if (type === "Long") keys.add(dice.chance(0.3) ? 9007199254740993n + BigInt(number) : BigInt(number));
    else keys.add(`${dice.pick(["k", "K", "\u00e9", "\u{1f600}", "\uffee", ""])}${number}`);
  }
  return [...keys];
}

export interface RecordScope { readonly dice: Dice; readonly keys: ReadonlyMap<string, readonly Value[]>; readonly catalog: Catalog }

export function randomRecord(table: Table, id: Value, scope: RecordScope): RecordValues {
  const record: { [field: string]: Value } = {};
  for (const field of table.fields.values()) {
    if (field.kind === "stored") record[field.name] = field.name === table.primaryKey ? id : randomField(field, table, scope);
  }
  const { dice } = scope;
  if (table.open && dice.chance(0.6)) {
    record["extra"] = randomScalar("JSON", dice);
    if (dice.chance(0.3)) record["odd name"] = "odd";
  }
  if (table.expirationMs !== null) record["$expires"] = dice.pick([null, "2020-01-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "2026-06-01T00:00:00.001Z", "2030-01-01T00:00:00.000Z"]);
  return record;
}

export function randomField(field: Field, table: Table, scope: RecordScope): Value {
  const { dice, keys } = scope;
  const relation = [...table.fields.values()].find((one) => one.relation?.kind === "one" && one.relation.from === field.name)?.relation;
  if (!field.type.required && dice.chance(0.25)) return null;
  if (relation !== undefined && relation !== null) {
    // Some keys lead nowhere.
    const known = keys.get(relation.table)!;
    return dice.chance(0.9) || typeof known[0] !== "string" ? dice.pick(known) : "nowhere";
  }
  return randomOf(field.type, scope);
}

function randomOf(type: TypeRef, scope: RecordScope): Value {
  const { dice } = scope;
  if (type.list) return Array.from({ length: dice.below(4) }, () => (!type.itemRequired && dice.chance(0.2) ? null : randomOf({ ...type, list: false }, scope)));
  if (type.kind === "enum") return dice.pick(enumValues);
  if (type.kind !== "object") return randomScalar(type.name, dice);
  if (type.name === "Place") {
    const label = dice.chance(0.5) ? "here" : null;
    const inner = dice.chance(0.5) ? { name: dice.chance(0.5) ? "n" : null, count: dice.below(3) } : null;
    return {
      lat: dice.pick([0, 52.5, 52.501, 89.9, -89.9, 10]), lon: dice.pick([0, 13.4, 13.401, 179.999, -179.999]), label,
      size: dice.chance(0.5) ? 9007199254740993n : null, tags: dice.chance(0.5) ? ["x", "y"] : null, inner,
    };
  }
  return {};
}
