// Followed tables over SSE, WebSocket, GraphQL and MQTT, for every identity: whoever follows knows after each change exactly what the oracle shows,
// is told of nothing else, and hears of nothing that changed only where they may not look.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { administrator } from "./identities.ts";
import { followerOf, interfaces, WAIT_MS, type Followed, type Follower } from "./followers.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { keyOf } from "./record-checks.ts";
import type { SeededWorld } from "./rows.ts";
import { tableNamed } from "./tables.ts";
import { changed, WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

/** One record that changes, comes (`key` null) or goes (`patch` null). */
interface Touch { readonly table: string; readonly place: number | null; readonly patch: Row | null }
interface Step { readonly name: string; readonly touches: readonly Touch[]; readonly roles?: { readonly account: string; readonly roles: readonly string[] } }

const patched = (table: string, place: number, patch: Row): Step => ({ name: `${table} ${place} ${JSON.stringify(patch)}`, touches: [{ table, place, patch }] });
const came = (table: string, patch: Row): Step => ({ name: `a new ${table} ${JSON.stringify(patch)}`, touches: [{ table, place: null, patch }] });
const gone = (...touches: readonly (readonly [table: string, place: number])[]): Step => ({ name: `${touches.join(" ")} gone`, touches: touches.map(([table, place]) => ({ table, place, patch: null })) });
const given = (account: string, ...roles: readonly string[]): Step => ({ name: `${account} is ${roles.join(" ")}`, touches: [], roles: { account, roles } });

/** Places are those of the seed, so that what goes goes last. */
function steps(): Step[] {
  const seeded = (table: string, place: number): Row => matrix.world.all.get(table)![place]!;
  const tasks = matrix.world.all.get("Task")!;
  const leaf = tasks.findIndex((task, place) => place > 20 && matrix.world.rows("Task").includes(task) && !tasks.some((other) => other["parentId"] === task["id"]));
  const notes = matrix.world.all.get("Note")!.flatMap((note, place) => (note["taskId"] === tasks[leaf]!["id"] ? [["Note", place] as const] : []));
  return [
    // The record itself, another one that a rule looks at, and one behind that.
    patched("Project", 0, { stage: "CLOSED" }), patched("Project", 1, { stage: "OPEN" }), patched("Project", 1, { ownerId: "mia" }), patched("Project", 9, { ownerId: "mix" }),
    patched("Org", 0, { region: "US" }), patched("Org", 1, { region: "EU", bossId: "mia" }), patched("Task", 0, { secret: true }), patched("Task", 1, { secret: false }),
    patched("Person", 9, { desk: "north" }), patched("Person", 1, { desk: "attic" }), patched("Scrap", 0, { listed: false }), patched("Scrap", 1, { listed: true }), patched("Tag", 1, { listed: true }),
    // What few may see.
    patched("Project", 4, { slug: "another" }), patched("Project", 5, { plan: "another" }), patched("Project", 6, { summary: "another", budget: 5 }), patched("Sample", 0, { hString: "another" }),
    patched("Sample", 0, { mInt: 7, mString: "another" }), patched("Person", 8, { email: "another@example.com" }), patched("Task", 4, { effort: 3, reviewerId: "zoe" }), patched("Project", 7, { pin: "another" }),
    // Nothing at all.
    patched("Project", 4, { slug: "another" }),
    came("Note", { taskId: tasks[3]!["id"], body: "new" }), came("Task", { id: 70_300_000, projectId: seeded("Project", 3)["id"], title: "new", secret: false, assigneeId: "mix" }),
    came("Sample", { id: "70000000000008000", listed: false, ownerId: "max" }), came("Org", { name: "new", region: "EU" }),
    // Roles within a record.
    patched("Crew", 2, { personId: "plain" }), patched("Crew", 1, { role: "VIEWER" }), patched("Crew", 6, { role: "VIEWER" }), came("Crew", { personId: "wes", projectId: seeded("Project", 10)["id"], role: "OWNER" }),
    gone(["Task", leaf], ...notes), gone(["Crew", 0]), gone(["Scrap", 2]),
    // Of an account, and of what its keys are good for.
    given("eve"), given("max", "editor"), given("mix", "member"), given("mix"), patched("Tag", 2, { listed: false }), patched("Scrap", 3, { listed: true }),
  ];
}

/** `plain`: as REST has them. A field that is empty, and is hidden no longer, looks the same in GraphQL, and is told there too. */
interface Expected { readonly rows: ReadonlyMap<string, Row>; readonly plain: ReadonlyMap<string, Row>; readonly mayEver: boolean }

function expectedOf(follower: Follower, table: TableModel): Expected {
  const { who } = follower;
  const mayEver = follower.mayFollow(table);
  const visible = mayEver ? matrix.oracle.visible(who, table) : [];
  const shownBy = (view: (row: Row) => Row): ReadonlyMap<string, Row> => new Map(visible.map((row) => [String(row[table.key.name]), view(row)]));
  return { mayEver, rows: shownBy((row) => follower.view(table, row)), plain: shownBy((row) => matrix.oracle.view(who, table, row)) };
}

test("whoever follows knows what may be seen, and is told of what changed there and of nothing else", async () => {
  const followers = matrix.identities.flatMap((who) => interfaces.map((way) => followerOf(way, matrix, who)));
  const before = new Map<Followed, Expected>();
  try {
    for (const follower of followers) await follower.begin();
    for (const follower of followers) for (const followed of follower.followed.values()) await check({ follower, followed, step: "the beginning", untilMs: Date.now() + WAIT_MS, isOther: true, before });
    expect(matrix.report()).toEqual([]);
    for (const step of steps()) {
      await carryOut(step, followers, before);
      expect(matrix.report()).toEqual([]);
    }
    // What comes late is found here.
    await Bun.sleep(200);
    for (const follower of followers) for (const followed of follower.followed.values()) await check({ follower, followed, step: "the end", untilMs: Date.now() + WAIT_MS, isOther: false, before });
    expect(matrix.report()).toEqual([]);
  } finally {
    for (const follower of followers) await follower.close();
  }
  console.log(`matrix of follows: ${followers.length} followers, ${matrix.checks} checks`);
}, timeLimitMs);

async function carryOut({ name, touches, roles }: Step, followers: readonly Follower[], before: Map<Followed, Expected>): Promise<void> {
  const subjects = new Set<unknown>(roles === undefined ? [] : [roles.account]);
  let world = matrix.world;
  const writes: (() => Promise<unknown>)[] = [];
  const ending: { readonly follower: Follower; readonly followed: Followed; readonly times: number }[] = [];
  for (const touch of touches) {
    const applied = touched(touch, world);
    world = applied.world;
    writes.push(applied.write);
    if (touch.table === "Crew") for (const row of [applied.before, applied.after]) subjects.add(row?.["personId"]);
  }
  matrix.setWorld(world);
  for (const follower of roles === undefined ? [] : followers.filter(({ who }) => who.subject === roles.account)) {
    follower.become(withRoles(follower.who, roles!.roles));
    if (follower.name === "SSE") for (const followed of follower.followed.values()) if (followed.ended === null) ending.push({ follower, followed, times: followed.opened });
  }
  // Of a record that goes with another one the last is asked for.
  await writes.at(0)?.();
  if (roles !== undefined) await setRoles(roles);
  const untilMs = Date.now() + WAIT_MS;
  // Streams of whoever is another now end, and come again.
  for (const { follower, followed, times } of ending) await follower.settles(() => followed.opened > times, untilMs);
  for (const follower of followers) for (const followed of follower.followed.values()) await check({ follower, followed, step: name, untilMs, isOther: subjects.has(follower.who.subject) || othersBefore.has(follower.who.subject), before });
  othersBefore = subjects;
}

/** Subjects of the step before: a stream that ended by it may still come again. */
let othersBefore: ReadonlySet<unknown> = new Set();

/** The key of an account has at most what the account has. */
function withRoles(who: Who, roles: readonly string[]): Who {
  const own = who.only === undefined ? roles : roles.filter((role) => who.roles.has(role));
  return { ...who, roles: new Set(["public", "authenticated", ...own]) };
}

async function setRoles({ account, roles }: NonNullable<Step["roles"]>): Promise<void> {
  await matrix.app.tables.commit((session) => {
    session.write({ kind: "update", table: "Visitor", id: account, input: { roles: [...roles] }, merge: false, precondition: null }, { dialect: "code", authority: null, sent: null });
  }, { actor: "seed", requestId: "seed" });
}

interface Applied { readonly world: SeededWorld; readonly before: Row | null; readonly after: Row | null; write(): Promise<unknown> }

/** Through the wire, as somebody would. */
function touched({ table: name, place, patch }: Touch, world: SeededWorld): Applied {
  const table = tableNamed(name);
  const oracle = new WriteOracle(world);
  const send = async (path: string, method: string, body?: Row): Promise<void> => {
    const answer = await matrix.ask(administrator, path, { method, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) matrix.fail(answer, "the change");
  };
  if (place === null) {
    const body = { ...(Object.hasOwn(patch!, "id") ? {} : { id: `new${next++}` }), ...patch };
    const after = oracle.made(administrator, table, body);
    return { world: oracle.after(table, after["id"], after), before: null, after, write: () => send(`/${table.path}`, "POST", body) };
  }
  const key = seed.all.get(name)![place]!["id"];
  const before = world.find(name, key)!;
  const after = patch === null ? null : changed(table, before, patch);
  return { world: oracle.after(table, key, after), before, after, write: () => send(`/${table.path}/${keyOf(table, before)}`, patch === null ? "DELETE" : "PATCH", patch ?? undefined) };
}

let next = 1;
let seed: SeededWorld;
beforeAll(() => { seed = matrix.world; });

interface Checked { readonly follower: Follower; readonly followed: Followed; readonly step: string; readonly untilMs: number; /** Who they are has changed: it begins anew. */ readonly isOther: boolean; readonly before: Map<Followed, Expected> }

async function check({ follower, followed, step, untilMs, isOther, before }: Checked): Promise<void> {
  const expected = expectedOf(follower, followed.table);
  const earlier = before.get(followed);
  before.set(followed, expected);
  const label = `${follower.who.name} follows ${followed.table.name} over ${follower.name}, ${step}`;
  matrix.checks += 1;
  const isSettled = (): boolean => (expected.mayEver || follower.name === "MQTT" ? Bun.deepEquals(followed.rows, expected.rows, true) && followed.isBegun : followed.ended !== null);
  if (!await follower.settles(isSettled, untilMs)) matrix.fail(`${label}\n    ${difference(followed, expected)}`, "to know what may be seen");
  if (expected.mayEver && followed.ended !== null) matrix.fail(`${label}: ${followed.ended}`, "no end");
  const told = followed.told.map(({ type, key }) => `${follower.name === "MQTT" ? "" : type} ${key}`).toSorted();
  if (!isOther && earlier !== undefined) {
    const wanted = changesBetween(earlier.plain, expected.plain).map(({ type, key }) => `${follower.name === "MQTT" ? "" : type} ${key}`).toSorted();
    if (!Bun.deepEquals(told, wanted)) matrix.fail(`${label}: told ${told.join(", ")}`, `to be told ${wanted.join(", ")}`);
    if (followed.resets.length > 0) matrix.fail(`${label}: ${followed.resets.join(" ")}`, "no reset");
  }
  followed.told = [];
  followed.resets = [];
}

function changesBetween(before: ReadonlyMap<string, Row>, after: ReadonlyMap<string, Row>): { type: string; key: string }[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [one, other] = [before.get(key), after.get(key)];
    const type = one === undefined ? "enter" : other === undefined ? "leave" : Bun.deepEquals(one, other, true) ? null : "update";
    return type === null ? [] : [{ type, key }];
  });
}

function difference({ rows, ended }: Followed, expected: Expected): string {
  const wrong = changesBetween(rows, expected.rows);
  return `ended ${ended}; ${wrong.map(({ type, key }) => `${type} ${key}: ${JSON.stringify(rows.get(key))?.slice(0, 300)} and not ${JSON.stringify(expected.rows.get(key))?.slice(0, 300)}`).slice(0, 4).join("\n    ")}`;
}
