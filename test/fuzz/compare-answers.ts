// Runs a plan both ways and says in words where the answers differ.
import { AmbitError } from "../../src/base/error.ts";
import { distanceMetres } from "../../src/expression/geo.ts";
import type { Json, RecordValues } from "../../src/base/value.ts";
import type { Environment } from "../../src/expression/expression.ts";
import type { Plan } from "../../src/query/plan.ts";
import type { PlanDatabase } from "../../src/storage/testing/plan-database.ts";
import { groupRows } from "./naive-groups.ts";
import { naiveRead, objectOf, recordsOf } from "./naive-read.ts";
import type { World } from "./naive-world.ts";

type Row = { [key: string]: Json };
type Answer = { readonly rows: Row[] } | { readonly code: string };

/** Null where they agree. */
export function differenceOf(plan: Plan, database: PlanDatabase, world: World, variables: Environment["variables"]): string | null {
  const counted: Plan = { ...plan, count: "exact" };
  let total: number | null = null;
  const found = answerOf(() => {
    const read = database.read(counted, variables);
    total = read.total;
    return JSON.parse(read.json) as Row[];
  });
  const ranked = isRanked(plan);
  const expected = answerOf(() => naiveRead(ranked ? { ...plan, limit: null, offset: 0 } : plan, world));
  const overflow = world.takeOverflow();
  if ("code" in found && found.code === "AGGREGATE_OVERFLOW" && overflow) return null;
  if ("code" in found || "code" in expected) return JSON.stringify(found) === JSON.stringify(expected) ? null : mismatch(found, expected);
  const expectedTotal = totalOf(plan, world);
  if (total !== expectedTotal) return `total is ${String(total)}, not ${expectedTotal}`;
  if (ranked) return rankedDifference(plan, found.rows, expected.rows, world);
  return sameRows(found.rows, expected.rows) ? null : mismatch(found, expected);
}

function answerOf(read: () => Row[]): Answer {
  try {
    return { rows: read() };
  } catch (error) {
    if (error instanceof AmbitError && error.status >= 400 && error.status < 500) return { code: error.code };
    throw error;
  }
}

function totalOf(plan: Plan, world: World): number {
  return plan.grouped ? groupRows(plan, recordsOf(plan, world), world).length : recordsOf({ ...plan, after: null }, world).length;
}

function mismatch(found: Answer, expected: Answer): string {
  return `SQLite: ${JSON.stringify(found)}\n naive: ${JSON.stringify(expected)}`;
}

function isRanked(plan: Plan): boolean {
  return !plan.grouped && plan.order.length === 0 && (plan.search !== null || plan.similar !== null || plan.near !== null);
}

/** The order of keys counts; doubles may differ in the last digits where they were added up. */
function sameRows(found: Json, expected: Json): boolean {
  if (typeof found === "number" && typeof expected === "number") return found === expected || Math.abs(found - expected) <= Math.abs(expected) * 1e-12;
  if (typeof found !== "object" || typeof expected !== "object" || found === null || expected === null) return found === expected;
  if (Array.isArray(found) !== Array.isArray(expected)) return false;
  const keys = Object.keys(found);
  if (keys.join("\u0001") !== Object.keys(expected).join("\u0001")) return false;
  return keys.every((key) => sameRows((found as Row)[key]!, (expected as Row)[key]!));
}

/** As many rows as there should be, each one of those that match; by distance also the right distances. */
function rankedDifference(plan: Plan, found: readonly Row[], expected: readonly Row[], world: World): string | null {
  const count = Math.max(0, Math.min(plan.limit ?? Infinity, expected.length - plan.offset));
  const rest = expected.map((row) => JSON.stringify(row));
  const known = found.every((row) => {
    const at = rest.findIndex((text) => text === JSON.stringify(row) || sameRows(JSON.parse(text) as Json, row));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
  if (found.length !== count || !known) return `ranked, ${count} of these wanted\n${mismatch({ rows: [...found] }, { rows: [...expected] })}`;
  const distance = distanceOf(plan, world);
  if (distance === null) return null;
  const records = recordsOf({ ...plan, after: null }, world);
  const sorted = records.map((record) => ({ distance: distance(record), text: JSON.stringify(objectOf(plan, record, world)) })).sort((a, b) => a.distance - b.distance);
  const wanted = sorted.slice(plan.offset, plan.offset + count);
  const wrong = found.findIndex((row, index) => !sorted.some((one) => sameRows(JSON.parse(one.text) as Json, row) && Math.abs(one.distance - wanted[index]!.distance) < 1e-3));
  return wrong < 0 ? null : `row ${wrong} is not next by distance\n${mismatch({ rows: [...found] }, { rows: wanted.map(({ text }) => JSON.parse(text) as Row) })}`;
}

/** Null where the plan ranks by words: their weight is SQLite's business. */
function distanceOf({ near, similar, table }: Plan, world: World): ((record: RecordValues) => number) | null {
  if (near !== null) {
    return (record) => {
      const place = record[near.fields[0]!] as { lat: number; lon: number };
      return distanceMetres(near.latitude, near.longitude, place.lat, place.lon);
    };
  }
  if (similar === null) return null;
  const { metric } = world.table(table).indexes.find((index) => index.kind === "VECTOR" && index.fields[0] === similar.field)!;
  return (record) => vectorDistance(record[similar.field] as readonly number[], similar.vector, metric);
}

function vectorDistance(left: readonly number[], right: readonly number[], metric: "COSINE" | "L2" | "L1"): number {
  const sum = (term: (a: number, b: number) => number): number => left.reduce((total, a, index) => total + term(a, right[index]!), 0);
  if (metric === "L1") return sum((a, b) => Math.abs(a - b));
  if (metric === "L2") return Math.sqrt(sum((a, b) => (a - b) ** 2));
  const lengths = Math.sqrt(sum((a) => a * a)) * Math.sqrt(sum((_a, b) => b * b));
  return 1 - sum((a, b) => a * b) / lengths;
}
