// What is believed of any moment, after any order of facts: against a timeline that is painted day by day.
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { seededRandom } from "../../base/random.ts";
import { connect } from "../../storage/connection.ts";
import { findMemories, memoryDdl, readFacts, renameMemories } from "../../storage/memory-rows.ts";
import { keepMemory } from "./keep-memory.ts";
import { textIn, type StagedFact } from "./remember.ts";

const HISTORIES = process.env["AMBIT_TEST_SIZE"] === "long" ? 3_000 : 40;
const DAYS = 12;
const PLACE = { about: "Customer:1", tenant: "t" };

function opened(): ReturnType<typeof connect> {
  const connection = connect(new Database(":memory:"), 50);
  for (const sql of memoryDdl) connection.execute(sql);
  return connection;
}

let ids = 0;
function keep(connection: ReturnType<typeof connect>, facts: readonly Partial<StagedFact>[], { nowMs, isUntrusted = false, place = PLACE, rowsMax = 1_000 }: { readonly nowMs: number; readonly isUntrusted?: boolean; readonly place?: typeof PLACE; readonly rowsMax?: number }): void {
  const staged = facts.map((fact): StagedFact => ({ about: place.about, predicate: "p", value: null, validFromMs: null, validToMs: null, isUntrusted: false, text: textIn(fact.value ?? null), ...fact }));
  keepMemory(connection, [place], staged, { run: null, actor: "a", isUntrusted, nowMs, episode: { said: staged.length }, rowsMax, newId: () => `id${++ids}` });
}

/** Of each day what is believed, as the oracle paints it: who answers for it, and apart from that what nobody does. */
interface Day { readonly trusted: number | null; readonly untrusted: number | null }

const listOf = (value: number | null): number[] => (value === null ? [] : [value]);

test(`${HISTORIES} histories: each day is believed to be what was said of it last by whom it counts`, () => {
  const random = seededRandom(20_261_121);
  const whole = (max: number): number => Math.floor(random.next() * max);
  for (let history = 0; history < HISTORIES; history++) {
    const connection = opened();
    const days: Day[] = Array.from({ length: DAYS }, () => ({ trusted: null, untrusted: null }));
    const known: Day[][] = [];
    for (let step = 1; step <= 12; step++) {
      const [from, isUntrusted] = [whole(DAYS), whole(3) === 0];
      const to = whole(3) === 0 ? null : from + 1 + whole(DAYS - from);
      // Few values, so that the same is said again, by others and in between.
      const value = whole(5) === 0 ? null : whole(4);
      keep(connection, [{ value, validFromMs: from, validToMs: to }], { nowMs: step, isUntrusted });
      for (let day = from; day < (to ?? DAYS) && day < DAYS; day++) days[day] = isUntrusted ? { ...days[day]!, untrusted: value } : { trusted: value, untrusted: null };
      known[step] = [...days];
    }
    for (let step = 1; step <= 12; step++) {
      for (let day = 0; day < DAYS; day++) {
        const found = readFacts(connection, PLACE, { predicates: ["p"], knownMs: step, validMs: day, sinceMs: null });
        const of = (wanted: boolean): number[] => found.filter(({ isUntrusted }) => isUntrusted === wanted).map(({ value }) => JSON.parse(value) as number);
        const { trusted, untrusted } = known[step]![day]!;
        // What nobody answers for adds nothing where it says the same.
        const besides = trusted !== null && of(true).length === 0 && untrusted === trusted ? [] : listOf(untrusted);
        expect({ history, step, day, trusted: of(false), untrusted: of(true) }).toEqual({ history, step, day, trusted: listOf(trusted), untrusted: besides });
      }
    }
  }
}, HISTORIES * 1_000);

test("other predicates, records and tenants stay as they are", () => {
  const connection = opened();
  const others = [{ about: "Customer:2", tenant: "t" }, { about: "Customer:1", tenant: "u" }];
  for (const place of others) keep(connection, [{ value: "theirs" }], { nowMs: 1, place });
  keep(connection, [{ value: "first" }, { predicate: "q", value: "q" }], { nowMs: 1 });
  keep(connection, [{ value: "second" }], { nowMs: 2 });
  const values = (place: typeof PLACE): unknown[] => readFacts(connection, place, { predicates: null, knownMs: 3, validMs: 3, sinceMs: null }).map(({ value }) => JSON.parse(value) as unknown);
  expect([values(PLACE), ...others.map(values)]).toEqual([["q", "second"], ["theirs"], ["theirs"]]);
});

test("what is said again as somebody trusted said it still ends what was said otherwise in between", () => {
  const connection = opened();
  keep(connection, [{ value: "trusted" }], { nowMs: 1 });
  const believed = (nowMs: number): unknown[] => readFacts(connection, PLACE, { predicates: null, knownMs: nowMs, validMs: nowMs, sinceMs: null }).map(({ value, isUntrusted }) => [JSON.parse(value) as unknown, isUntrusted]);
  for (const [nowMs, isUntrusted] of [[2, true], [4, false]] as const) {
    keep(connection, [{ value: "otherwise" }], { nowMs, isUntrusted: true });
    expect(believed(nowMs)).toEqual([["trusted", false], ["otherwise", true]]);
    keep(connection, [{ value: "trusted" }], { nowMs: nowMs + 1, isUntrusted });
    expect(believed(nowMs + 1)).toEqual([["trusted", false]]);
  }
});

test("what is said again is nothing new, unless somebody answers for it now", () => {
  const connection = opened();
  for (const [nowMs, isUntrusted] of [[1, true], [2, true], [3, false], [4, false], [5, true]] as const) keep(connection, [{ value: "x" }], { nowMs, isUntrusted });
  expect(connection.values(`SELECT "untrusted", "knownFrom", "knownTo" FROM "$memory" WHERE "kind" = 'fact' AND "validTo" IS NULL ORDER BY "number"`)).toEqual([[1, 1, 3], [0, 3, null]]);
});

test("a stranger who tells a lot pushes out nothing that somebody answers for", () => {
  const connection = opened();
  keep(connection, [{ value: "known" }], { nowMs: 1 });
  for (let day = 1; day < 60; day++) keep(connection, [{ predicate: "q", value: day, validFromMs: 1_000 + day, validToMs: 1_001 + day }], { nowMs: day, isUntrusted: true, rowsMax: 8 });
  expect(connection.values(`SELECT count(*) FROM "$memory"`)).toEqual([[8]]);
  expect(connection.values(`SELECT "kind" FROM "$memory" WHERE "untrusted" = 0 ORDER BY "number"`)).toEqual([["episode"], ["fact"]]);
});

test("a table that is called otherwise keeps what is known of its records, and its words; two that change names do not mix", () => {
  const connection = opened();
  keep(connection, [{ value: "old friend" }], { nowMs: 1 });
  keep(connection, [{ value: "other thing" }], { nowMs: 1, place: { about: "Order:1", tenant: "t" } });
  renameMemories(connection, new Map([["Customer", "Order"], ["Order", "Purchase"]]));
  const found = (about: string, word: string): unknown[] => findMemories(connection, { about, tenant: "t" }, { words: [word], predicates: ["p"], knownMs: 2, sinceMs: null, limit: 9 }).filter(({ kind }) => kind === "fact").map(({ value }) => value);
  expect([found("Order:1", "friend"), found("Purchase:1", "thing"), found("Customer:1", "friend"), found("Order:1", "thing")]).toEqual([['"old friend"'], ['"other thing"'], [], []]);
});
