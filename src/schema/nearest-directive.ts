// Which of our directives is meant by a name that is none: what other tools call it, or the nearest spelling.
import { didYouMean } from "../base/diagnostic.ts";

const FAMILIAR: ReadonlyMap<string, string> = new Map([
  ["relation", "relationship"], ["hasmany", "relationship"], ["belongsto", "relationship"], ["manytomany", "relationship"],
  ["primary", "primaryKey"], ["id", "primaryKey"], ["pk", "primaryKey"], ["index", "indexed"], ["unique", "indexed(unique: true)"],
  ["auth", "allow"], ["access", "allow"], ["permission", "allow"], ["createdat", "createdTime"], ["updatedat", "updatedTime"],
  ["min", "range"], ["max", "range"], ["regex", "pattern"], ["ttl", "expiresAt"], ["hidden", "internal"], ["private", "internal"], ["immutable", "fixed"],
  ["model", "table"], ["entity", "table"], ["validate", "check"], ["constraint", "check"], ["autoincrement", "sequence"],
]);

/** Ready to stand behind the `@`; null when nothing is near. */
export function nearestDirective(name: string, known: Iterable<string>): string | null {
  return FAMILIAR.get(name.toLowerCase()) ?? didYouMean(name, known);
}
