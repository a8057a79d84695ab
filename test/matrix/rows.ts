// The records of the matrix: few, but one for each way in which the rules can decide. Expired ones are there too, for nobody.
import { canaryOf, EPOCH_MS, word } from "./canary-values.ts";
import type { FieldModel, Row, TableModel, World } from "./model.ts";
import { sampleTypes, tableNamed, tables } from "./tables.ts";

const PAST = new Date(EPOCH_MS - 3_600_000).toISOString();
const FUTURE = new Date(EPOCH_MS + 3_600_000).toISOString();

export interface SeededWorld extends World {
  readonly all: ReadonlyMap<string, readonly Row[]>;
  /** There, but gone. */
  readonly ghosts: ReadonlyMap<string, readonly Row[]>;
}

type Given = Record<string, unknown>;

/** Numbers of canaries, in order of use. */
class Numbers {
  #next = 1;
  take(): number { return this.#next++; }
}

export function seedWorld(): SeededWorld {
  const numbers = new Numbers();
  const all = new Map<string, Row[]>();
  const add = (name: string, given: Given): Row => {
    const row = completed(tableNamed(name), given, numbers);
    const rows = all.get(name) ?? [];
    all.set(name, [...rows, row]);
    return row;
  };
  const orgs = seedOrgs(add);
  const projects = seedProjects(add, orgs, numbers);
  seedPeople(add, projects);
  seedTasks(add, projects);
  seedTags(add, projects, numbers);
  seedSamples(add, numbers);
  for (const listed of [true, false, true, false]) {
    const number = numbers.take();
    add("Scrap", { listed, extra: word(number), deep: { secret: word(number), n: 70_000_000 + number } });
  }
  return worldOf(all);
}

export function worldOf(all: ReadonlyMap<string, readonly Row[]>, nowMs = EPOCH_MS): SeededWorld {
  const now = new Date(nowMs).toISOString();
  const [live, ghosts] = [new Map<string, readonly Row[]>(), new Map<string, readonly Row[]>()];
  for (const [name, rows] of all) {
    const { expiresAt } = tableNamed(name);
    const gone = expiresAt === null ? [] : rows.filter((row) => typeof row[expiresAt] === "string" && (row[expiresAt] as string) <= now);
    ghosts.set(name, gone);
    live.set(name, gone.length === 0 ? rows : rows.filter((row) => !gone.includes(row)));
  }
  // Many worlds are made in which few records are looked for.
  const byKey = new Map<string, ReadonlyMap<unknown, Row>>();
  const keysOf = (name: string): ReadonlyMap<unknown, Row> => {
    let keys = byKey.get(name);
    if (keys === undefined) byKey.set(name, keys = new Map((live.get(name) ?? []).map((row) => [row[tableNamed(name).key.name], row])));
    return keys;
  };
  return { all, ghosts, rows: (name) => live.get(name) ?? [], find: (name, key) => keysOf(name).get(key) ?? null };
}

type Add = (table: string, given: Given) => Row;

/** What is not given gets a canary, null where the row is to be empty (`$empty`) and the field may be. */
function completed(table: TableModel, given: Given, numbers: Numbers): Row {
  const row: Given = {};
  for (const one of table.fields) {
    if (Object.hasOwn(given, one.name)) row[one.name] = given[one.name];
    else if (one.compute === undefined) row[one.name] = given["$empty"] === true && !one.required ? null : filled(one, numbers);
  }
  for (const one of table.fields) if (one.compute !== undefined) row[one.name] = one.compute(row);
  for (const [name, value] of Object.entries(given)) if (!name.startsWith("$")) row[name] = value;
  return row;
}

function filled(one: FieldModel, numbers: Numbers): unknown {
  if (one.refers !== undefined) return null;
  const number = numbers.take();
  if (one.type === "Boolean") return number % 2 === 0;
  if (one.type === "Enum") return one.values![number % one.values!.length];
  return canaryOf(one.type, number);
}

function seedOrgs(add: Add): Row[] {
  return [["EU", "mia"], ["US", "max"], ["EU", null], ["US", null]].map(([region, bossId]) => add("Org", { region, bossId }));
}

function seedProjects(add: Add, orgs: readonly Row[], numbers: Numbers): Row[] {
  const vaults = [add("Vault", {}), add("Vault", {})];
  const cellars = [add("Cellar", {}), add("Cellar", {})];
  const shapes: readonly (readonly [number, string | null, string, Given?])[] = [
    [0, "mia", "OPEN"], [0, "max", "DRAFT"], [1, "mia", "CLOSED"], [1, null, "DRAFT"], [0, null, "OPEN"], [2, "max", "OPEN"], [3, "max", "OPEN"],
    [2, null, "CLOSED"], [3, "mix", "DRAFT"], [0, "wes", "DRAFT"], [3, null, "CLOSED", { $empty: true }], [1, "mia", "OPEN", { $empty: true }],
  ];
  return shapes.map(([org, ownerId, stage, more], index) => add("Project", {
    orgId: orgs[org]!["id"], ownerId, stage, score: 70_000_000 + numbers.take(),
    ...(more === undefined ? { vaultId: vaults[index % 2]!["id"], cellarId: cellars[index % 2]!["id"] } : { vaultId: null, cellarId: null }), ...more,
  }));
}

function seedPeople(add: Add, projects: readonly Row[]): void {
  const desks: readonly (readonly [string, string | null])[] = [
    ["plain", "north"], ["mia", "south"], ["max", "attic"], ["eve", null], ["aud", "north"], ["kim", "south"], ["mix", "attic"], ["wes", "north"],
    ["xavier", "attic"], ["yara", null], ["zoe", "north"],
  ];
  for (const [id, desk] of desks) add("Person", { id, desk });
  const crew: readonly (readonly [string, number, string, (string | null)?])[] = [
    ["wes", 1, "VIEWER"], ["wes", 7, "WORKER"], ["wes", 3, "OWNER"], ["wes", 5, "WORKER", FUTURE], ["mia", 7, "OWNER"], ["max", 2, "WORKER"], ["eve", 8, "OWNER"],
    ["plain", 0, "WORKER"], ["plain", 1, "OWNER", PAST], ["aud", 6, "WORKER"], ["mix", 10, "VIEWER"], ["xavier", 0, "VIEWER"], ["mia", 10, "OWNER", PAST],
  ];
  for (const [personId, project, role, until = null] of crew) add("Crew", { personId, projectId: projects[project]!["id"], role, until });
}

function seedTasks(add: Add, projects: readonly Row[]): void {
  const assignees = ["mia", null, "max", "xavier", "wes"];
  const reviewers = ["max", "zoe", null, "eve"];
  let id = 70_100_000;
  let first: unknown = null;
  for (const [index, project] of projects.entries()) {
    let parent: unknown = index % 3 === 0 ? null : first;
    for (const [turn, secret] of [false, true, null].entries()) {
      const place = index * 3 + turn;
      id += 1;
      const task = add("Task", {
        id, projectId: project["id"], parentId: parent, secret, assigneeId: assignees[place % assignees.length], reviewerId: reviewers[place % reviewers.length],
        until: place % 11 === 7 ? PAST : place % 5 === 3 ? FUTURE : null, ...(place % 13 === 5 ? { $empty: true } : {}),
      });
      first ??= task["id"];
      parent = place % 11 === 7 ? null : task["id"];
      const authors = place % 2 === 0 ? ["mia", "eve"] : [null, "wes"];
      for (const authorId of place % 4 === 3 ? [] : authors) add("Note", { taskId: task["id"], authorId });
    }
  }
}

function seedTags(add: Add, projects: readonly Row[], numbers: Numbers): void {
  const tags = [true, false, true, true].map((listed) => add("Tag", { listed, word: word(numbers.take()) }));
  for (const [index, project] of projects.entries()) {
    for (const place of index % 3 === 0 ? [0, 1] : index % 3 === 1 ? [1] : [0, 2]) add("Tagging", { tagId: tags[place]!["id"], projectId: project["id"] });
  }
}

function seedSamples(add: Add, numbers: Numbers): void {
  const shapes: readonly (readonly [boolean, string | null, boolean?])[] = [
    [true, "mia"], [true, "max"], [false, "mia"], [false, "max"], [true, null], [false, null], [true, "mix"], [true, "mia", true], [true, null, true],
  ];
  for (const [listed, ownerId, empty = false] of shapes) {
    add("Sample", { id: `7000000000000${9000 + numbers.take()}`, listed, ownerId, ...(empty ? Object.fromEntries(sampleTypes.flatMap(([name]) => ["", "h", "m"].map((prefix) => [prefix === "" ? name : prefix + name[0]!.toUpperCase() + name.slice(1), null]))) : {}) });
  }
}

/** In an order in which nothing refers to what comes later. */
export function seedOrder(world: SeededWorld): readonly (readonly [string, readonly Row[]])[] {
  const order = ["Org", "Vault", "Cellar", "Project", "Person", "Crew", "Task", "Note", "Tag", "Tagging", "Sample", "Scrap"];
  if (order.length !== tables.length) throw new Error("a table is missing in the order of the seed");
  return order.map((name) => [name, world.all.get(name) ?? []]);
}
