// Each syntax in memory against FTS5 itself, and what cannot be answered.
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { ftsQuery, matchesText, textQueryProblem, textQueryWordsMax, type TextSyntax } from "./text-query.ts";

const columns: (string | null)[][] = [
  ["Red apple pie", "a warm pie with red apples"],
  ["Green apple", null],
  ["Crème brûlée", "sugar, cream and or not"],
  ["pie", "apple"],
  ["", ""],
  ["red red red", "the end of the pie"],
];
const database = new Database(":memory:");
database.run("CREATE VIRTUAL TABLE t USING fts5(a, b, tokenize='unicode61 remove_diacritics 2')");
columns.forEach(([a, b], index) => database.prepare("INSERT INTO t(rowid, a, b) VALUES (?, ?, ?)").run(index, a!, b!));
afterAll(() => database.close());

function inSqlite(syntax: TextSyntax, words: string): number[] {
  return database.query<{ rowid: number }, [string]>("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid").all(ftsQuery(syntax, words)).map((row) => row.rowid);
}

function inMemory(syntax: TextSyntax, words: string): number[] {
  return columns.flatMap((texts, index) => (matchesText(texts, syntax, words) ? [index] : []));
}

describe("found rows", () => {
  const cases: [TextSyntax, string, number[]][] = [
    ["fts", "apple & pie", [0, 3]],
    ["fts", "apple | cream", [0, 1, 2, 3]],
    ["fts", "apple & !pie", [1]],
    ["fts", "!pie & apple", [1]],
    ["fts", "apple & !(pie | green)", []],
    ["fts", "!(!apple | !pie)", [0, 3]],
    ["fts", "!!apple", [0, 1, 3]],
    ["fts", "red <-> apple", [0]],
    ["fts", "apple <-> red", []],
    ["fts", "'red apple'", [0]],
    ["fts", "'eggs' | 'CREME'", [2]],
    ["fts", "app:*", [0, 1, 3]],
    ["fts", "red <-> app:*", [0]],
    ["fts", "'red app':*", [0]],
    ["fts", "(apple | cream) & (pie | sugar)", [0, 2, 3]],
    ["fts", "apple & ---", [0, 1, 3]],
    ["fts", "apple & '---'", [0, 1, 3]],
    ["fts", "  ", []],
    ["plain", "apple pie", [0, 3]],
    ["plain", "pie & ! (apple", [0, 3]],
    ["plain", "???", []],
    ["phrase", "red apple", [0]],
    ["phrase", "apple red", []],
    ["phrase", "brulee", [2]],
    ["phrase", "", []],
    ["web", "apple -pie", [1]],
    ["web", "\"red apple\"", [0]],
    ["web", "sugar or green apple", [1, 2]],
    ["web", "cream OR or", [2]],
    ["web", "or", [2]],
    ["web", "apple -\"red apple\"", [1, 3]],
    ["web", "\"red ap", []],
    ["web", "- -- \"\"", []],
    ["web", "apple-pie", [0]],
    ["web", "NOT near(", []],
  ];
  test.each(cases)("%s %s", (syntax, words, expected) => {
    expect(textQueryProblem(syntax, words)).toBeNull();
    expect(inMemory(syntax, words)).toEqual(expected);
    expect(inSqlite(syntax, words)).toEqual(expected);
  });
});

describe("what cannot be answered says why, and matches nothing", () => {
  const cases: [TextSyntax, string, string][] = [
    ["fts", "apple pie", "Join words"],
    ["fts", "apple &", "word is missing"],
    ["fts", "& apple", "word is missing"],
    ["fts", "(apple", "not closed"],
    ["fts", "apple)", "no ( before"],
    ["fts", "'apple", "quote is not closed"],
    ["fts", "apple*", "word:*"],
    ["fts", "apple:A", "word:*"],
    ["fts", "apple <2> pie", "may join"],
    ["fts", "apple \\ pie", "may join"],
    ["fts", "(a | b) <-> c", "follow each other"],
    ["fts", "a:* <-> c", "follow each other"],
    ["fts", "!apple", "must occur"],
    ["fts", "apple | !pie", "must occur"],
    ["web", "-apple", "must occur"],
    ["fts", "(".repeat(60) + "a" + ")".repeat(60), "nests at most"],
    ["fts", "!".repeat(5_000) + "a", "nests at most"],
    ["plain", "a ".repeat(textQueryWordsMax + 1), "at most 64 words"],
  ];
  test.each(cases)("%s %#", (syntax, words, message) => {
    expect(textQueryProblem(syntax, words)).toContain(message);
    expect(inMemory(syntax, words)).toEqual([]);
    expect(inSqlite(syntax, words)).toEqual([]);
  });
  test("the most words and the deepest nesting are answered", () => {
    expect(inSqlite("fts", `${"!".repeat(48)}(${Array.from({ length: 64 }, () => "apple").join(" & ")})`)).toEqual([0, 1, 3]);
    const nested = (levels: number): string => `apple & ${"(!(pie & !".repeat(levels)}apple${"))".repeat(levels)}`;
    expect(inSqlite("fts", nested(12))).toEqual(inMemory("fts", nested(12)));
    expect(textQueryProblem("fts", nested(12))).toBeNull();
    expect(textQueryProblem("fts", nested(13))).toContain("nests at most");
  });
});

test("random queries: the same rows in memory and in FTS5", () => {
  const seed = 77;
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
  const word = (): string => pick(["apple", "pie", "red", "green", "PIE", "crème", "app:*", "'red apple'", "zzz", "the <-> end"]);
  const boolean = (depth: number): string => {
    const shape = depth === 0 ? 0 : Math.floor(random.next() * 4);
    if (shape === 0) return word();
    if (shape === 1) return `!${boolean(0)}`;
    return `(${boolean(depth - 1)} ${shape === 2 ? "&" : "|"} ${boolean(depth - 1)})`;
  };
  const noise = ["apple", "\"", "-", "or", " ", "pie", "(", "*", "&", "red", "'", ":", "^", "NEAR", "\u0301", "é"];
  for (let round = 0; round < 1_500; round++) {
    const syntax: TextSyntax = pick(["fts", "plain", "phrase", "web"]);
    const words = round % 2 === 0 && syntax === "fts" ? boolean(4) : Array.from({ length: 6 }, () => pick(noise)).join(pick(["", " "]));
    expect({ seed, syntax, words, rows: inMemory(syntax, words) }).toEqual({ seed, syntax, words, rows: inSqlite(syntax, words) });
  }
});
