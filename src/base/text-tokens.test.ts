// The tokenizer against the real FTS5: every code point, then random texts.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { tokenize } from "./text-tokens.ts";

const UNASSIGNED_FIRST = 0x32000;
const UNASSIGNED_LAST = 0xdffff;

function tokensOfSqlite(texts: readonly string[]): string[][] {
  const database = new Database(":memory:");
  database.run("CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize='unicode61 remove_diacritics 2')");
  database.run("CREATE VIRTUAL TABLE v USING fts5vocab(t, 'instance')");
  const insert = database.prepare("INSERT INTO t(rowid, x) VALUES (?, ?)");
  database.transaction(() => texts.forEach((text, index) => insert.run(index + 1, text)))();
  const found: string[][] = texts.map(() => []);
  for (const row of database.query<{ term: string; doc: number; offset: number }, []>("SELECT term, doc, offset FROM v").iterate()) {
    found[row.doc - 1]![row.offset] = row.term;
  }
  database.close();
  return found;
}

test("each code point is a letter, a mark or a separator exactly as in FTS5", () => {
  const texts: string[] = [];
  for (let code = 1; code <= 0xe01ff; code++) {
    if (code === 0xd800) code = 0xe000;
    if (code === UNASSIGNED_FIRST) code = UNASSIGNED_LAST + 1;
    texts.push(`x${String.fromCodePoint(code)}y ${String.fromCodePoint(code)}z`);
  }
  for (const code of [0xf0000, 0xf1234, 0xffffd, 0xffffe, 0x100000, 0x10fffd, 0x10ffff]) texts.push(`x${String.fromCodePoint(code)}y`);
  const expected = tokensOfSqlite(texts);
  const wrong = texts.filter((text, index) => tokenize(text).join("|") !== expected[index]!.join("|"));
  expect(wrong).toEqual([]);
}, 120_000);

test("tokens are stable: tokenizing a token yields it again", () => {
  for (let code = 0x21; code < 0x30000; code++) {
    if (code === 0xd800) code = 0xe000;
    for (const token of tokenize(String.fromCodePoint(code))) {
      if (tokenize(token).join("|") !== token) throw new Error(`U+${code.toString(16)} gives ${token}, which is not stable`);
    }
  }
});

test("random texts", () => {
  const seed = 20260711;
  const random = seededRandom(seed);
  const alphabet = ["a", "B", "é", "e\u0301", "\u0301", "ß", "İ", "ǆ", "Σ", "ς", "я", "Й", "日", "本", "١", "²", "_", "-", " ", "'", "\"", "😀", "\u00ad", "\u200d", "ﬁ", "𝔘", "\u{10400}", "\t"];
  const texts = Array.from({ length: 2_000 }, () =>
    Array.from({ length: Math.floor(random.next() * 12) }, () => alphabet[Math.floor(random.next() * alphabet.length)]).join(""));
  const expected = tokensOfSqlite(texts);
  for (const [index, text] of texts.entries()) {
    expect({ seed, text, tokens: tokenize(text) }).toEqual({ seed, text, tokens: expected[index]! });
  }
});

test("examples", () => {
  expect(tokenize("Crème brûlée, à la carte!")).toEqual(["creme", "brulee", "a", "la", "carte"]);
  expect(tokenize("")).toEqual([]);
  expect(tokenize("--- \u0301 ---")).toEqual([]);
  expect(tokenize("ABC-123")).toEqual(["abc", "123"]);
});
