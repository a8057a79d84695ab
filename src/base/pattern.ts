// Regular expressions in RE2's syntax, searched in linear time. The one engine for rules, filters, limits and SQL's ambit_match.
import { RE2JS } from "re2js";

export interface Pattern {
  /** True if the pattern is found anywhere in the text, unless anchored. */
  matches(text: string): boolean;
  /** Steps of its program, repetitions written out: the time for a text is at most about its length times this. */
  readonly size: number;
}

const CACHE_MAX = 1_000;
const SOURCE_LENGTH_MAX = 1_000;
/** Of a pattern that a request brings. */
export const REQUEST_PATTERN_SIZE_MAX = 250;

/** Compiled once and remembered. Throws on bad syntax; ask `patternProblem` first. `fold`: letter case does not count. */
export const compilePattern = patternCompiler();

/** What is wrong with a pattern's source, or null. */
export function patternProblem(source: string, sizeMax = Infinity): string | null {
  try {
    const { size } = compilePattern(source);
    return size > sizeMax ? `with its repetitions written out it has ${size} steps, and at most ${sizeMax} are taken` : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function patternCompiler(): (source: string, fold?: boolean) => Pattern {
  const cache = new Map<string, Pattern>();
  return (source, fold = false) => {
    const key = (fold ? "i" : "c") + source;
    const known = cache.get(key);
    if (known !== undefined) return known;
    if (source.length > SOURCE_LENGTH_MAX) throw new Error(`a pattern has at most ${SOURCE_LENGTH_MAX} characters`);
    const compiled = RE2JS.compile(source, fold ? RE2JS.CASE_INSENSITIVE : 0);
    const pattern: Pattern = { matches: (text) => compiled.test(text), size: compiled.programSize() };
    if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value!);
    cache.set(key, pattern);
    return pattern;
  };
}
