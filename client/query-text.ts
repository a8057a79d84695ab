// A typed query to the query string of a REST list: conditions, selection, order, page. Relations in conditions become embeds that show nothing.
import { malformed } from "./ambit-error.ts";
import { tableFacts, type AppFacts, type TableFacts } from "./app-types.ts";
import { conditionsOf, isLiteral, nameText, operandsText, operationText, valueText, type Literal } from "./condition-text.ts";

const SHAPE = ["select", "order", "limit", "offset"];
const ROOT = [...SHAPE, "after", "asof", "near", "search", "similar"];

interface Level {
  readonly facts: TableFacts;
  /** Embeds that lead here, as written. */
  readonly path: readonly string[];
}

export interface QueryText {
  /** Path and query of the list. */
  readonly path: string;
  /** Rows without what only conditions embedded. */
  shown<Row>(rows: readonly Row[]): readonly Row[];
}

export function queryText(table: string, query: object | undefined, facts: AppFacts): QueryText {
  const writer = new QueryWriter(facts);
  writer.write((query ?? {}) as Literal, tableFacts(facts, table));
  return { path: `/${encodeURIComponent(table)}${writer.text()}`, shown: (rows) => (writer.leavesTraces ? rows.map((row) => withoutTraces(row)) : rows) };
}

const ALIAS = /^\$\d+$/;

function withoutTraces<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutTraces(item)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !ALIAS.test(name)).map(([name, inner]) => [name, withoutTraces(inner as unknown)])) as Value;
}

/** Of a table without facts: no relation is known. */
const UNKNOWN: TableFacts = { key: "id" };

class QueryWriter {
  readonly #facts: AppFacts;
  readonly #pairs: [string, string][] = [];
  /** An embed without items is not in the answer, but one that holds another is. */
  leavesTraces = false;
  #aliases = 0;

  constructor(facts: AppFacts) {
    this.#facts = facts;
  }

  text(): string {
    return this.#pairs.length === 0 ? "" : `?${this.#pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")}`;
  }

  write(query: Literal, facts: TableFacts): void {
    const level: Level = { facts, path: [] };
    const items = this.#level(query, level, ROOT);
    if (items !== "*") this.#pairs.push(["select", items]);
    for (const name of ["search", "after"]) if (query[name] !== undefined && query[name] !== null) this.#pairs.push([name, String(query[name])]);
    const { asof, near, similar } = query as { asof?: unknown; near?: { field?: string; latitude: number; longitude: number; metres: number }; similar?: { field?: string; vector?: readonly number[]; text?: string } };
    if (asof !== undefined && asof !== null) this.#pairs.push(["asof", valueText(asof)]);
    if (near !== undefined && near !== null) this.#pairs.push(["near", `${near.field === undefined ? "" : `${near.field}:`}${near.latitude},${near.longitude},${near.metres}`]);
    if (similar !== undefined && similar !== null) this.#pairs.push(["similar", `${similar.field === undefined ? "" : `${similar.field}:`}${similar.vector === undefined ? similar.text : JSON.stringify(similar.vector)}`]);
  }

  /** Writes all but the selection, which it answers. */
  #level(query: Literal, level: Level, reserved: readonly string[]): string {
    const hidden = this.#conditions(Object.entries(query).filter(([name]) => !reserved.includes(name)), level);
    const order = orderText(query["order"]);
    if (order !== "") this.#pairs.push([key(level, "order"), order]);
    for (const name of ["limit", "offset"]) {
      const count = query[name];
      if (count !== undefined && count !== null) this.#pairs.push([key(level, name), String(count)]);
    }
    const selected = query["select"] === undefined || query["select"] === null ? ["*"] : this.#selection(query["select"], level);
    return [...selected, ...hidden].join(",");
  }

  /** Answers what they embed. */
  #conditions(entries: readonly (readonly [string, unknown])[], level: Level): string[] {
    const hidden: string[] = [];
    const conditions = conditionsOf(entries, { where: level.path.join("."), depth: 0, related: (name, raw) => this.#related(name, raw, level, hidden) });
    for (const condition of conditions) {
      if (condition.kind === "filter") this.#pairs.push([key(level, condition.field), operationText(condition, false)]);
      else this.#pairs.push([key(level, `${condition.negated ? "not." : ""}${condition.operator}`), operandsText(condition)]);
    }
    return hidden;
  }

  #related(name: string, raw: Literal | null, level: Level, hidden: string[]): string | null {
    const table = relationOf(level, name);
    if (table === undefined) return null;
    const alias = `$${++this.#aliases}`;
    const inner = this.#conditions(Object.entries(raw ?? {}), { facts: this.#table(table), path: [...level.path, alias] });
    if (inner.length > 0) this.leavesTraces = true;
    hidden.push(`${alias}:${nameText(name)}(${inner.join(",")})`);
    return alias;
  }

  #selection(raw: unknown, level: Level): string[] {
    if (!Array.isArray(raw)) throw malformed("select takes a list.", "select", "Write select: [\"id\", { relation: [\"id\"] }].");
    return (raw as readonly unknown[]).flatMap((item) => {
      if (typeof item === "string") return [item === "*" ? "*" : nameText(item)];
      if (!isLiteral(item)) throw malformed("select holds names and { relation: [...] }.", "select", "Write select: [\"id\", { relation: [\"id\"] }].");
      return Object.entries(item).map(([name, inner]) => {
        const table = relationOf(level, name);
        const query = Array.isArray(inner) ? { select: inner } : inner;
        if (!isLiteral(query)) throw malformed(`select.${name} takes a list or a query.`, "select", `Write { ${name}: ["id"] }.`);
        const items = this.#level(query, { facts: table === undefined ? UNKNOWN : this.#table(table), path: [...level.path, nameText(name)] }, SHAPE);
        return `${nameText(name)}(${items})`;
      });
    });
  }

  #table(name: string): TableFacts {
    return tableFacts(this.#facts, name);
  }
}

function relationOf({ facts: { relations } }: Level, name: string): string | undefined {
  return relations !== undefined && Object.hasOwn(relations, name) ? relations[name] : undefined;
}

function key({ path }: Level, name: string): string {
  return [...path, name].join(".");
}

const DIRECTIONS = new Set(["asc", "desc", "asc.nullsfirst", "asc.nullslast", "desc.nullsfirst", "desc.nullslast"]);

export interface OrderTerm { readonly relation: string | null; readonly field: string; readonly direction: string }

export function orderTerms(raw: unknown): OrderTerm[] {
  if (raw === undefined || raw === null) return [];
  return (Array.isArray(raw) ? raw as readonly unknown[] : [raw]).flatMap((literal) => {
    if (!isLiteral(literal)) throw malformed("order takes { field: \"asc\" } or a list of such.", "order", "Write order: { field: \"desc\" }.");
    return Object.entries(literal).filter(([, direction]) => direction !== undefined).flatMap(([name, direction]): OrderTerm[] => {
      if (!isLiteral(direction)) return [term(null, name, direction)];
      return Object.entries(direction).map(([field, inner]) => term(name, field, inner));
    });
  });
}

function term(relation: string | null, field: string, direction: unknown): OrderTerm {
  if (typeof direction !== "string" || !DIRECTIONS.has(direction)) throw malformed(`order.${field} is one of ${[...DIRECTIONS].join(", ")}.`, "order", `Write order: { ${field}: "desc" }.`);
  return { relation, field, direction };
}

function orderText(raw: unknown): string {
  return orderTerms(raw).map(({ relation, field, direction }) => `${relation === null ? nameText(field) : `${nameText(relation)}(${nameText(field)})`}.${direction}`).join(",");
}
