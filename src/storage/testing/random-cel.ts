// Random CEL text over the fixture's tables, without regard to types: the compiler sorts out what has a meaning. Tests only.
import type { Random } from "../../base/random.ts";

const NAMES = [
  "id", "i", "l", "m", "f", "b", "s", "t", "color", "at", "on", "d", "x", "y", "j", "bytes", "place", "lat", "ss", "ii", "ll", "ff", "xx", "dd", "bb", "places", "ownerId", "owner", "twice", "ownerAge",
  "owner.age", "owner.vip", "owner.name", "owner.credit", "owner.boss", "owner.boss.age", "owner.half", "place.city", "place.people", "place.inner.count", "place.meta.a", "place.price", "j.a", "j.list", "j['strange key']", "ss[0]", "ll[0]", "xx[0]", "places[0].city", "places[0].since", "nope",
].map((name) => `record.${name}`);
const LITERALS = ["null", "true", "false", "0", "1", "-1", "2", "1.5", "0.0", "9223372036854775807", "-9223372036854775808", "'a'", "''", "'RED'", "'1.5'", "'PT1H'", "'2026-03-01'", "timestamp('2026-03-01T12:00:00Z')", "date('2026-03-01')", "duration('PT1H')", "duration('30m')", "now()", "[]", "[1, 2]", "['a', 'b', null]", "[1.5, 1]", "auth.subject", "auth.roles", "auth.claims.x", "auth.claims"];
const FUNCTIONS = ["size", "lower", "upper", "trim", "abs", "round", "int", "double", "string", "timestamp", "duration", "date", "year", "month", "day", "has", "min", "max"];
const METHODS = ["startsWith", "endsWith", "contains", "matches"];
const OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"];

export function celMaker(random: Random): (depth: number) => string {
  const below = (count: number): number => Math.floor(random.next() * count);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  let names = 0;

  function make(depth: number, items: readonly string[]): string {
    const next = (): string => make(depth - 1, items);
    if (depth <= 0) return pick(items.length > 0 && random.next() < 0.3 ? items : random.next() < 0.6 ? NAMES : LITERALS);
    switch (below(12)) {
      case 0: return `(${next()} && ${next()})`;
      case 1: return `(${next()} || ${next()})`;
      case 2: return `!${next()}`;
      case 3: return `(${next()} ? ${next()} : ${next()})`;
      case 4: return `${pick(FUNCTIONS)}(${next()}${random.next() < 0.2 ? `, ${next()}` : ""})`;
      case 5: return `${next()}.${pick(METHODS)}(${next()})`;
      case 6: {
        const item = `v${names++}`;
        return `${next()}.${pick(["exists", "all"])}(${item}, ${make(depth - 1, [...items, item, `${item}.city`])})`;
      }
      case 7: return `-${next()}`;
      default: return `(${next()} ${pick(OPERATORS)} ${next()})`;
    }
  }
  return (depth) => make(depth, []);
}
