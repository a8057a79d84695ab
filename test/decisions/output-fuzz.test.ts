// Random answers of models: what is well-formed is read as JSON.parse reads it, exactly; one thing wrong with it, and it is none. Depth and size
// are bounded.
import { expect, test } from "bun:test";
import { readValue } from "../../src/decisions/reason/read-arguments.ts";
import { parseStrictJson } from "../../src/interfaces/http/strict-json.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { createDice, type Dice } from "../fuzz/dice.ts";

const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 50_000 : 2_000;
const firstSeed = Number(process.env["AMBIT_TEST_SEED"] ?? 1);

const { catalog } = compileSchema({ file: "s", text: `
enum Colour { RED BLUE }
type Part { n: Int! l: Long name: String }
type Out { n: Int! l: Long m: Money @currency(code: "EUR") f: Float s: String b: Boolean c: Colour part: Part parts: [Part!] all: JSON }
type Endpoints { e: Out @http }` });
const out = catalog.endpoints.get("e")!.result;
const read = (text: string): unknown => readValue(text, out, { parse: (given) => parseStrictJson(given, 64), catalog });

const TEXTS = ["", "a", "ü€😀", "\"", "\\", "\n\t", "{\"n\": 1.0}", "4e1", "\u2028", "__proto__", "NaN", "\ud83d\ude00"];
const INTEGERS = ["0", "1", "-1", "40", "2147483647", "-2147483648"];
const LONGS = [...INTEGERS, "9007199254740993", "-9007199254740993", "9223372036854775807"];
const FLOATS = [...INTEGERS, "0.5", "-1.25", "4e1", "1E-3", "1.0", "1e-400"];

/** With space between its members; what is spoilt is beside the first of them. */
function randomAnswer(dice: Dice): string {
  const part = (): string => `{"n":${dice.pick(INTEGERS)}${dice.chance(0.5) ? `, "l": ${dice.pick(LONGS)}` : ""}${dice.chance(0.5) ? `,"name":${JSON.stringify(dice.pick(TEXTS))}` : ""}}`;
  const members = new Map<string, string>([["n", dice.pick(INTEGERS)]]);
  const may: readonly [string, () => string][] = [
    ["l", () => dice.pick(LONGS)], ["m", () => dice.pick(INTEGERS)], ["f", () => dice.pick(FLOATS)], ["s", () => JSON.stringify(dice.pick(TEXTS))], ["b", () => dice.pick(["true", "false"])], ["c", () => dice.pick(['"RED"', '"BLUE"'])],
    ["part", part], ["parts", () => `[${Array.from({ length: dice.below(3) }, part).join(" , ")}]`], ["all", () => dice.pick(["null", "[]", '{"a":[1,{"b":null}]}', '"x"', "[[[[]]]]"])],
  ];
  for (const [name, make] of may) if (dice.chance(0.5)) members.set(name, dice.chance(0.1) ? "null" : make());
  return `${dice.pick(["", " ", "\n"])}{${[...members].map(([name, value]) => `"${name}"${dice.pick(["", " "])}:${dice.pick(["", " "])}${value}`).join(",")}}`;
}

/** What one place is spoilt by. */
const spoilt: readonly ((text: string, dice: Dice) => string)[] = [
  (text) => text.replace('"n"', '"n":0,"n"'),
  (text) => text.replace('"n"', '"\\u006e":0,"n"'),
  (text) => text.replace(/("n"\s*:\s*-?\d+)/, "$1.0"),
  (text) => text.replace(/("n"\s*:\s*-?\d+)/, "$1e0"),
  (text) => text.replace(/("n"\s*:\s*)(-?\d+)/, '$1"$2"'),
  (text) => text.replace(/"n"\s*:\s*-?\d+/, '"n":2147483648'),
  (text) => text.replace(/"n"\s*:\s*-?\d+/, '"n":1e400'),
  (text) => text.replace(/"n"\s*:\s*-?\d+/, '"n":null'),
  (text) => text.replace(/"n"\s*:\s*-?\d+/, '"n":01'),
  (text) => text.replace('"n"', '"s":"\\ud800","n"'),
  (text) => text.replace('"n"', '"s":"\\udc00x","n"'),
  (text) => text.replace('"n"', '"s":"\u0001","n"'),
  (text) => text.replace('"n"', '"__proto__":{"n":1},"n"'),
  (text) => text.replace('"n"', '"constructor":1,"n"'),
  (text) => text.replace('"n"', '"N":1,"n"'),
  (text) => text.replace('"n"', '"l":9223372036854775808,"n"'),
  (text) => text.replace('"n"', '"m":1.5,"n"'),
  (text) => text.replace('"n"', '"c":"red","n"'),
  (text) => text.replace('"n"', `"all":${"[".repeat(65)}${"]".repeat(65)},"n"`),
  (text) => `${text}{}`,
  (text) => `${text},`,
  (text) => `[${text}]`,
  (text) => JSON.stringify(text),
  (text, dice) => text.slice(0, text.trimStart().length - 1 - dice.below(text.trimStart().length - 1)),
  (text) => text.replace('"n"', "n"),
  (text) => `\uFEFF${text}`,
  (text) => text.replace(/\}$/, ",}"),
  (text) => text.replace("{", "{/**/"),
];

/** Integers as text, so that none is rounded; what is not there, and what is null, is left out. */
function shown(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shown);
  return Object.fromEntries(Object.entries(value).flatMap(([name, item]) => (item === null || item === undefined ? [] : [[name, shown(item)]])));
}

/** As JSON.parse reads it, but for integers of 64 bits. */
function expected(source: string): unknown {
  return shown(JSON.parse(source, ((key: string, value: unknown, { source: written }: { readonly source?: string }) => (key === "l" && written !== undefined && value !== null ? BigInt(written) : value)) as never));
}

test(`${size} random answers from seed ${firstSeed}`, () => {
  for (let index = 0; index < size; index++) {
    const seed = firstSeed + index;
    const dice = createDice(seed);
    const text = randomAnswer(dice);
    const value = read(text);
    if (value === undefined) throw new Error(`seed ${seed}: none is read of ${text}`);
    expect([seed, shown(value)]).toEqual([seed, expected(text)]);
    const spoil = dice.pick(spoilt);
    const bad = spoil(text.replace(/,"(?:s|l|m|c|all)"\s*:(?:[^,{}[\]"]|"(?:[^"\\]|\\.)*")*(?=[,}])/g, ""), dice);
    const got = read(bad);
    if (got !== undefined) throw new Error(`seed ${seed}: read ${bad} (${String(spoil)})`);
  }
});

test("depth and size are bounded", () => {
  for (const deep of [65, 10_000, 1_000_000]) expect(read(`{"n":1,"all":${"[".repeat(deep)}${"]".repeat(deep)}}`)).toBeUndefined();
  expect(read(`{"n":1,"all":${"[".repeat(60)}${"]".repeat(60)}}`)).toBeDefined();
  expect(read(`{"n":${"1".repeat(1_000_000)}}`)).toBeUndefined();
  expect(read(`{"n":1,"f":${"1".repeat(1_000_000)}}`)).toBeUndefined();
  expect(read("\"".repeat(1_000_000))).toBeUndefined();
});
