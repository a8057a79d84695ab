// Kept answers: the same object while nothing that they depend on changes, and never older than the last commit.
import { afterEach, describe, expect, test } from "bun:test";
import { subjectIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import { seededRandom } from "../base/random.ts";
import type { Plan } from "../query/plan.ts";
import type { JsonText, Result } from "./operation.ts";
import { administrator, nobody, openApp, user, type Caller, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Item @table @export @allow(to: ["public"], do: [READ], where: "!record.hidden") @allow(to: ["keeper"], do: [READ], where: "record.owner == auth.subject")
  @allow(to: ["member"], do: [READ], where: "record.club.open") {
  id: Int! @primaryKey
  owner: String @indexed
  kind: String @indexed
  rank: Int @indexed
  hidden: Boolean! @default(value: false)
  sold: Int! @default(value: 0)
  clubId: Int
  club: Club @relationship(from: "clubId", onDelete: SET_NULL)
  notes: [Note!]! @relationship(to: "itemId")
}
type Club @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey name: String open: Boolean! @default(value: true) }
type Note @table @export @allow(to: ["public"], do: [READ]) {
  id: Int! @primaryKey
  itemId: Int!
  item: Item! @relationship(from: "itemId", onDelete: CASCADE)
  text: String
}
type Desk @table(tenant: "orgId") @export @allow(to: ["member"], do: [READ]) { id: Int! @primaryKey orgId: ID! label: String }
type Token @table(expiration: "PT1M") @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey label: String }
type Show @table @export @allow(to: ["public"], do: [READ], where: "record.at > now()") { id: Int! @primaryKey at: DateTime! @indexed until: DateTime @expiresAt title: String }
`;

let app: OpenApp;
afterEach(async () => { await app.close(); });

interface Question { readonly plan: Plan; readonly caller: Caller }

function ask(identity: Identity, table: string, query: string): Question {
  const caller = app.as(identity);
  return { caller, plan: caller.plan(table, query) };
}

async function answer({ caller, plan }: Question): Promise<Result> {
  return (await caller.send({ kind: "query", plan, explain: false })).result;
}

/** Of another plan object, which nobody has asked before. */
async function fresh({ caller, plan }: Question): Promise<string> {
  return textOf((await caller.send({ kind: "query", plan: { ...plan }, explain: false })).result);
}

function textOf({ body }: Result): string {
  return (body as JsonText).text;
}

/** Asked until it is kept. */
async function kept(question: Question): Promise<Result> {
  await answer(question);
  const result = await answer(question);
  expect(await answer(question)).toBe(result);
  return result;
}

async function isKept(question: Question, before: Result): Promise<boolean> {
  const now = await answer(question);
  expect(textOf(now)).toBe(await fresh(question));
  return now === before;
}

const admin = (): Caller => app.as(administrator);
async function fill(): Promise<void> {
  await admin().create("Club", [{ id: 1, name: "a" }, { id: 2, name: "b", open: false }]);
  await admin().create("Item", Array.from({ length: 12 }, (_, index) => ({ id: index, owner: `u${index % 3}`, kind: index % 2 === 0 ? "even" : "odd", rank: index, clubId: 1 + index % 2 })));
  await admin().create("Note", [{ id: 1, itemId: 0, text: "first" }, { id: 2, itemId: 1, text: "second" }]);
}

describe("what is kept", () => {
  test("an answer is kept from the second time on, and stays through commits that do not touch it", async () => {
    app = openApp(SDL);
    await fill();
    const question = ask(nobody, "Item", "kind=eq.even&select=id,rank");
    const first = await kept(question);
    expect(JSON.parse(textOf(first))).toHaveLength(6);
    await admin().update("Item", 1, { rank: 100 });
    expect(await isKept(question, first)).toBe(true);
    await admin().update("Item", 2, { sold: 5 });
    expect(await isKept(question, first)).toBe(true);
    await admin().update("Item", 2, { rank: 7 });
    expect(await isKept(question, first)).toBe(false);
  });

  test("records that come, go, move in and move out", async () => {
    app = openApp(SDL);
    await fill();
    const question = ask(nobody, "Item", "kind=eq.even&select=id");
    for (const change of [
      () => admin().create("Item", { id: 50, kind: "even" }), () => admin().remove("Item", 50), () => admin().update("Item", 1, { kind: "even" }), () => admin().update("Item", 1, { kind: null }),
      () => admin().update("Item", 2, { hidden: true }), () => admin().update("Item", 2, { hidden: false }), () => admin().removeMany("Item", "id=gt.6"),
    ]) {
      const before = await kept(question);
      await change();
      expect(await isKept(question, before)).toBe(false);
    }
  });

  test("a page ends at its last row: what comes after it does not matter", async () => {
    app = openApp(SDL);
    await fill();
    const question = ask(nobody, "Item", "order=rank&limit=4&select=id,rank");
    const page = await kept(question);
    expect(page.nextCursor).not.toBeNull();
    await admin().update("Item", 9, { rank: 30 });
    await admin().create("Item", { id: 60, rank: 4 });
    expect(await isKept(question, page)).toBe(true);
    await admin().create("Item", { id: 61, rank: 2 });
    expect(await isKept(question, page)).toBe(false);
  });

  test("embedded lists depend on the records of the rows that they belong to", async () => {
    app = openApp(SDL);
    await fill();
    const question = ask(nobody, "Item", "id=in.(0,2)&select=id,notes(id,text),club(name)");
    const before = await kept(question);
    await admin().update("Note", 2, { text: "other" });
    await admin().create("Club", { id: 9, name: "new" });
    expect(await isKept(question, before)).toBe(true);
    await admin().create("Note", { id: 3, itemId: 2, text: "third" });
    expect(await isKept(question, before)).toBe(false);
    const again = await kept(question);
    await admin().update("Club", 1, { name: "renamed" });
    expect(await isKept(question, again)).toBe(false);
  });

  test("each caller has the answer of their own rights", async () => {
    app = openApp(SDL);
    await fill();
    await admin().updateMany("Item", "id=gte.0", { hidden: true });
    const [zero, one] = [ask(user("u0", "keeper"), "Item", "select=id"), ask(user("u1", "keeper"), "Item", "select=id")];
    // One plan object for both, as one query text is for all who have the same roles.
    const shared: Question = { ...one, plan: zero.plan };
    const [first, second] = [await kept(zero), await kept(shared)];
    expect(textOf(first)).toBe('[{"id":0},{"id":3},{"id":6},{"id":9}]');
    expect(textOf(second)).toBe('[{"id":1},{"id":4},{"id":7},{"id":10}]');
    await admin().update("Item", 3, { owner: "u1" });
    expect([await isKept(zero, first), await isKept(shared, second)]).toEqual([false, false]);
  });

  test("rules over other records", async () => {
    app = openApp(SDL);
    await fill();
    await admin().updateMany("Item", "id=gte.0", { hidden: true });
    const question = ask(user("m", "member"), "Item", "select=id");
    const before = await kept(question);
    expect(JSON.parse(textOf(before))).toHaveLength(6);
    await admin().update("Club", 2, { name: "x" });
    expect(await isKept(question, before)).toBe(true);
    await admin().update("Club", 2, { open: true });
    expect(await isKept(question, before)).toBe(false);
  });
});

test("each tenant has its own answers, also where an administrator acts within one", async () => {
  app = openApp(SDL);
  await admin().create("Desk", [{ id: 1, orgId: "a" }, { id: 2, orgId: "b" }, { id: 3, orgId: "b" }]);
  const member = (tenant: string | null): Identity => subjectIdentity({ subject: "m", roles: ["member"], tenant });
  const within = (tenant: string | null): Identity => ({ ...administrator, tenant });
  for (const who of [member, within]) {
    const { plan } = ask(who("a"), "Desk", "select=id");
    const questions = ["a", "b", null].map((tenant): Question => ({ plan, caller: app.as(who(tenant)) }));
    const found = await Promise.all(questions.map(kept));
    expect(found.map(textOf)).toEqual(['[{"id":1}]', '[{"id":2},{"id":3}]', who === member ? "[]" : '[{"id":1},{"id":2},{"id":3}]']);
    await admin().update("Desk", 1, { label: who.name });
    expect(await Promise.all(questions.map((question, index) => isKept(question, found[index]!)))).toEqual([true, true, true]);
  }
  const [a, b] = ["a", "b"].map((tenant) => ask(member(tenant), "Desk", "select=id,label"));
  const [first, second] = [await kept(a!), await kept(b!)];
  await admin().update("Desk", 2, { label: "x" });
  expect([await isKept(a!, first), await isKept(b!, second)]).toEqual([true, false]);
});

describe("time", () => {
  test("an expired record is gone at its instant", async () => {
    app = openApp(SDL);
    await admin().create("Token", { id: 1, label: "a" });
    app.clock.advance(30_000);
    await admin().create("Token", { id: 2, label: "b" });
    const question = ask(nobody, "Token", "select=id");
    const before = await kept(question);
    app.clock.advance(29_999);
    expect(await isKept(question, before)).toBe(true);
    app.clock.advance(1);
    expect(await isKept(question, before)).toBe(false);
    const after = await kept(question);
    expect(textOf(after)).toBe('[{"id":2}]');
    app.clock.advance(30_000);
    expect(textOf(await answer(question))).toBe("[]");
  });

  test("a rule with now() holds until the next record's instant", async () => {
    app = openApp(SDL);
    const at = (ms: number): string => new Date(app.clock.now() + ms).toISOString();
    await admin().create("Show", [{ id: 1, at: at(10_000) }, { id: 2, at: at(20_000) }, { id: 3, at: at(90_000), until: at(15_000) }]);
    const question = ask(nobody, "Show", "select=id");
    const before = await kept(question);
    app.clock.advance(9_999);
    expect(await isKept(question, before)).toBe(true);
    // The instants of later records count from their commit on.
    await admin().create("Show", { id: 4, at: at(3_000) });
    expect(textOf(await answer(question))).toBe('[{"id":1},{"id":2},{"id":3},{"id":4}]');
    for (let second = 0; second < 30; second++) {
      await answer(question);
      app.clock.advance(997);
      expect(textOf(await answer(question))).toBe(await fresh(question));
    }
    expect(textOf(await answer(question))).toBe("[]");
  });

  test("a record whose end is moved is gone by then", async () => {
    app = openApp(SDL);
    const at = (ms: number): string => new Date(app.clock.now() + ms).toISOString();
    await admin().create("Show", { id: 1, at: at(900_000), until: at(60_000) });
    const question = ask(nobody, "Show", "select=id");
    const before = await kept(question);
    await admin().update("Show", 1, { until: at(1_000) });
    expect(await isKept(question, before)).toBe(false);
    await kept(question);
    app.clock.advance(1_000);
    expect(textOf(await answer(question))).toBe("[]");
  });
});

describe("bounds", () => {
  test("the oldest go when memory is full, those in use stay", async () => {
    app = openApp(SDL, { limits: { answerCacheBytes: 20_000 } });
    await fill();
    const hot = ask(nobody, "Item", "kind=eq.even&select=id");
    const first = await kept(hot);
    const others = Array.from({ length: 40 }, (_, index) => ask(nobody, "Item", `rank=eq.${index}&select=id`));
    for (const other of others) {
      await answer(other);
      await answer(other);
      expect(await answer(hot)).toBe(first);
    }
  });

  test("0 keeps nothing, and large answers are not kept", async () => {
    app = openApp(SDL, { limits: { answerCacheBytes: 0 } });
    await fill();
    const question = ask(nobody, "Item", "select=id");
    await answer(question);
    expect(await answer(question)).not.toBe(await answer(question));
    await app.close();
    app = openApp(SDL);
    await admin().create("Club", Array.from({ length: 400 }, (_, id) => ({ id, name: "n".repeat(1_000) })));
    const large = ask(nobody, "Club", "");
    await answer(large);
    expect(await answer(large)).not.toBe(await answer(large));
  });
});

test("a large commit empties all", async () => {
  app = openApp(SDL);
  await fill();
  const question = ask(nobody, "Item", "id=eq.1&select=id,sold");
  const before = await kept(question);
  await admin().create("Club", Array.from({ length: 201 }, (_, id) => ({ id: 100 + id })));
  expect(await isKept(question, before)).toBe(false);
});

test("a reload begins anew, and what served before tells no old answers", async () => {
  app = openApp(SDL);
  await fill();
  const question = ask(nobody, "Item", "kind=eq.even&select=id");
  const before = await kept(question);
  const later = app.reloaded();
  const next: Question = { caller: later.as(nobody), plan: question.plan };
  const after = await kept(next);
  expect(textOf(after)).toBe(textOf(before));
  await later.as(administrator).create("Item", { id: 70, kind: "even" });
  expect(textOf(await answer(question))).toContain("70");
  expect(textOf(await answer(next))).toContain("70");
  await kept(next);
  // Begun before the reload, committed after it.
  await admin().create("Item", { id: 72, kind: "even" });
  expect(textOf(await answer(next))).toContain("72");
});

const rounds = process.env["AMBIT_TEST_SIZE"] === "long" ? 40_000 : 3_000;
const seed = Number(process.env["AMBIT_TEST_SEED"] ?? 11);

test(`${rounds} reads beside concurrent writes are as SQL answers at that moment, seed ${seed}`, async () => {
  app = openApp(SDL, { limits: { answerCacheBytes: 60_000 } });
  await fill();
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  const queries = [
    "kind=eq.even", "kind=eq.odd&select=id,sold", "owner=eq.u1&order=rank", "order=rank.desc&limit=3", "order=rank&limit=3&offset=2&select=id,notes(text)", "rank=lt.6&select=id,club(name)",
    "select=count(),kind", "sold=gt.2&select=id,notes!inner(id)", "club.open=eq.true&select=id,club!inner(name)", "id=in.(1,2,3)", "limit=2&select=id", "club=is.null&select=id",
  ];
  const questions = [nobody, user("u0", "keeper"), user("m", "member"), administrator].flatMap((who) => queries.map((query) => ask(who, "Item", query)));
  const writes: Promise<unknown>[] = [];
  let hits = 0;
  const last = new Map<Question, Result>();
  const write = (): Promise<unknown> => {
    const id = below(14);
    switch (below(8)) {
      case 0: return admin().remove("Item", id);
      case 1: return admin().create("Item", { id, kind: below(2) === 0 ? "even" : "odd", owner: `u${below(3)}`, rank: below(12), clubId: 1 + below(2) });
      case 2: return admin().create("Note", { id: below(20), itemId: id, text: `t${below(9)}` });
      case 3: return admin().remove("Note", below(20));
      case 4: return admin().update("Club", 1 + below(2), { open: below(2) === 0, name: `c${below(3)}` });
      case 5: return admin().update("Item", id, { rank: below(12), clubId: below(3) === 0 ? null : 1 });
      case 6: return admin().update("Item", id, { hidden: below(2) === 0 });
      default: return admin().update("Item", id, { sold: below(6), kind: "even" });
    }
  };
  for (let round = 0; round < rounds; round++) {
    if (below(12) === 0) writes.push(write().catch(() => null));
    if (below(10) === 0) await (below(2) === 0 ? writes.at(-1) : new Promise((resolve) => { setImmediate(resolve); }));
    const question = questions[below(6) === 0 ? below(questions.length) : below(8)]!;
    // Dispatch answers reads at once: nothing comes between the two.
    const [found, expected] = [answer(question), fresh(question)];
    const result = await found;
    if (last.get(question) === result) hits++;
    last.set(question, result);
    if (textOf(result) !== await expected) throw new Error(`seed ${seed}, round ${round}: ${textOf(result)} instead of ${await expected}`);
  }
  await Promise.all(writes);
  expect(hits).toBeGreaterThan(rounds / 10);
  const { kept: size, bytes, found, read } = app.dispatcher.stats();
  expect([size > 0, bytes > 0 && bytes <= 60_000, found >= hits, found + read]).toEqual([true, true, true, 2 * rounds]);
}, 120_000);
