// Who may what, from tables.ts and the seeded records alone: the other side of every comparison of the matrix.
import { tableNamed, tables } from "./tables.ts";
import type { Case, FieldModel, RelationModel, Row, Rule, TableModel, World } from "./model.ts";
import { both, either, type Truth } from "./truth.ts";
import type { Who } from "./identities.ts";

/** As a key's scope says it. */
const VERBS: Readonly<Record<string, string>> = { R: "READ", C: "CREATE", U: "UPDATE", D: "DELETE" };
const CREW_ROLES: readonly string[] = ["viewer", "worker", "owner"];

/** Some rule might ever permit it: what is not so does not exist for them. */
export function mayEver(who: Who, rules: readonly Rule[], verb: string): boolean {
  return who.administrator || rules.some((rule) => rule.verbs.includes(verb) && applies(rule, who));
}

function applies(rule: Rule, who: Who): boolean {
  return rule.within === undefined ? rule.to.some((role) => who.roles.has(role)) : who.subject !== null;
}

export function permits(at: Case, rules: readonly Rule[], verb: string): boolean {
  if (at.who.administrator) return true;
  return either(...rules.filter((rule) => rule.verbs.includes(verb) && applies(rule, at.who)).map((rule) => holds(rule, at))) === true;
}

function holds(rule: Rule, at: Case): Truth {
  const granted = rule.within === undefined ? true : isGranted(at, rule.within(at.row), rule.to);
  return both(granted, rule.when === undefined ? true : rule.when(at));
}

/** Each role includes those before it. */
function isGranted({ who, world }: Case, projectId: unknown, roles: readonly string[]): boolean {
  return world.rows("Crew").some((row) => row["personId"] === who.subject && row["projectId"] === projectId
    && roles.some((role) => CREW_ROLES.indexOf(role) <= CREW_ROLES.indexOf((row["role"] as string).toLowerCase())));
}

/** A key is good for nothing else. */
function isInScope({ only }: Who, { name }: TableModel, verb: string): boolean {
  return only === undefined || only.includes(name) || only.includes(`${name}:${VERBS[verb]}`);
}

/** A callable: an endpoint, or `Table.action`. */
export function mayName({ only }: Who, callable: string): boolean {
  return only === undefined || only.includes(callable) || only.includes(callable.split(".")[0]!);
}

export class Oracle {
  readonly world: World;
  readonly #visible = new Map<Who, Map<TableModel, Row[]>>();
  readonly #related = new Map<Who, Map<RelationModel, Map<Row, Row[] | null>>>();
  constructor(world: World) { this.world = world; }

  mayEver(who: Who, table: TableModel, verb: string): boolean {
    return isInScope(who, table, verb) && mayEver(who, table.rules, verb);
  }

  /** The record is visible. */
  sees(who: Who, table: TableModel, row: Row): boolean {
    return this.may(who, table, row, "R");
  }

  may(who: Who, table: TableModel, row: Row, verb: string, old?: Row): boolean {
    return isInScope(who, table, verb) && permits({ row, who, world: this.world, ...(old === undefined ? {} : { old }) }, table.rules, verb);
  }

  /** Fields that may be named. */
  fields(who: Who, table: TableModel): FieldModel[] {
    return this.mayEver(who, table, "R") ? table.fields.filter((field) => this.exists(who, field)) : [];
  }

  exists(who: Who, field: FieldModel): boolean {
    return field.kind !== "internal" && (field.rules === null || mayEver(who, field.rules, "R"));
  }

  /** On a visible record. */
  seesField(who: Who, field: FieldModel, row: Row, verb = "R"): boolean {
    return this.exists(who, field) && this.mayField(who, field, row, verb);
  }

  mayField(who: Who, field: FieldModel, row: Row, verb: string): boolean {
    return field.kind !== "internal" && (field.rules === null || permits({ row, who, world: this.world }, field.rules, verb));
  }

  /** What the field is to them there: null where it is hidden. */
  value(who: Who, field: FieldModel, row: Row): unknown {
    return this.seesField(who, field, row) ? row[field.name] ?? null : null;
  }

  /** Worked out once: nobody writes into it. */
  visible(who: Who, table: TableModel): Row[] {
    const known = placeIn(this.#visible, who);
    let rows = known.get(table);
    if (rows === undefined) known.set(table, rows = this.world.rows(table.name).filter((row) => this.sees(who, table, row)));
    return rows;
  }

  /** As `*` shows it. */
  view(who: Who, table: TableModel, row: Row): Row {
    const shown: Record<string, unknown> = {};
    for (const field of table.fields) if (this.seesField(who, field, row)) shown[field.name] = row[field.name] ?? null;
    if (table.open) for (const [name, value] of Object.entries(row)) if (!table.fields.some((field) => field.name === name)) shown[name] = value;
    return shown;
  }

  /**
   * A relation tells the values of its keys: of one's own key, of the key that points here, of both keys of the join table, because
   * what links two records is a row there: it counts only where it may be read, with both keys.
   */
  relationExists(who: Who, table: TableModel, relation: RelationModel): boolean {
    const target = tableNamed(relation.table);
    if (!this.mayEver(who, table, "R") || !this.mayEver(who, target, "R")) return false;
    if (relation.kind === "one") return this.exists(who, fieldOf(table, relation.from));
    if (relation.kind === "many") return this.exists(who, fieldOf(target, relation.to));
    const join = tableNamed(relation.join);
    return this.mayEver(who, join, "R") && [relation.from, relation.to].every((key) => this.exists(who, fieldOf(join, key)));
  }

  /** Visible records that the relation leads to; null: the key is hidden on this record. */
  related(who: Who, table: TableModel, relation: RelationModel, row: Row): Row[] | null {
    const known = placeIn(placeIn(this.#related, who), relation);
    let rows = known.get(row);
    if (rows === undefined) known.set(row, rows = this.#follow(who, table, relation, row));
    return rows;
  }

  #follow(who: Who, table: TableModel, relation: RelationModel, row: Row): Row[] | null {
    const target = tableNamed(relation.table);
    const readable = (found: Row | null): Row[] => (found !== null && this.sees(who, target, found) ? [found] : []);
    const key = row[table.key.name];
    switch (relation.kind) {
      case "one": return this.seesField(who, fieldOf(table, relation.from), row) ? readable(this.world.find(target.name, row[relation.from])) : null;
      case "many": return this.visible(who, target).filter((other) => this.value(who, fieldOf(target, relation.to), other) === key);
      case "through": {
        const join = tableNamed(relation.join);
        const [here, there] = [fieldOf(join, relation.from), fieldOf(join, relation.to)];
        const links = this.visible(who, join).filter((link) => this.value(who, here, link) === key).map((link) => this.value(who, there, link));
        return this.visible(who, target).filter((other) => links.includes(other[target.key.name]));
      }
    }
  }
}

function placeIn<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  let inner = map.get(key);
  if (inner === undefined) map.set(key, inner = new Map());
  return inner;
}

export function fieldOf(table: TableModel, name: string): FieldModel {
  const found = table.fields.find((field) => field.name === name);
  if (found === undefined) throw new Error(`${table.name} has no field ${name}`);
  return found;
}

export const exported: readonly TableModel[] = tables.filter((table) => table.path !== null);
