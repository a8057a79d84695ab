// Full-text queries in four syntaxes: their tree, their FTS5 MATCH text, and the same verdict in memory.
// Words reach FTS5 only as quoted tokens, so nothing that a user types is FTS5 syntax.
import { parseBooleanText } from "./text-boolean.ts";
import { joined, negated, phrase, type TextQuery } from "./text-query-tree.ts";
import { tokenize } from "./text-tokens.ts";

/** fts: words with & | ! <-> ( ) and word:*. plain: all words. phrase: neighbours in order. web: "phrase", or, -word. */
export type TextSyntax = "fts" | "plain" | "phrase" | "web";

/** Words in one query; keeps FTS5's expression tree within its own depth. */
export const textQueryWordsMax = 64;

const NEVER = `""`;

/** Why the query cannot be answered, as a sentence, or null. A query without any word is fine: it matches nothing. */
export function textQueryProblem(syntax: TextSyntax, words: string): string | null {
  const parsed = parse(syntax, words);
  if (typeof parsed === "string") return parsed;
  if (parsed === null) return null;
  if (countWords(parsed) > textQueryWordsMax) return `A search takes at most ${textQueryWordsMax} words.`;
  return matchText(parsed).excluded ? "A search needs a word that must occur; it cannot only exclude some." : null;
}

/** The argument of MATCH, for all indexed columns. What `textQueryProblem` objects to matches nothing. */
export function ftsQuery(syntax: TextSyntax, words: string): string {
  const parsed = parse(syntax, words);
  if (typeof parsed === "string" || parsed === null || countWords(parsed) > textQueryWordsMax) return NEVER;
  const match = matchText(parsed);
  return match.excluded ? NEVER : match.text;
}

/** True if FTS5 would find a row with these columns by `ftsQuery(syntax, words)`. */
export function matchesText(columns: readonly (string | null)[], syntax: TextSyntax, words: string): boolean {
  const parsed = parse(syntax, words);
  if (parsed === null || textQueryProblem(syntax, words) !== null || typeof parsed === "string") return false;
  return holds(parsed, columns.map((column) => (column === null ? [] : tokenize(column))));
}

function parse(syntax: TextSyntax, words: string): TextQuery | null | string {
  if (syntax === "fts") return parseBooleanText(words);
  if (syntax === "web") return parseWeb(words);
  const tokens = tokenize(words);
  if (syntax === "phrase") return phrase(tokens, false);
  return joined("and", tokens.map((token) => phrase([token], false)));
}

/** Never fails. `or` binds weaker than neighbours; at an end it is a word. An open quote reaches to the end. */
function parseWeb(words: string): TextQuery | null {
  const groups: (TextQuery | null)[][] = [[]];
  const parts = [...words.matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/g)];
  for (const [index, [, minus, quoted, word]] of parts.entries()) {
    const isOr = minus === "" && word?.toLowerCase() === "or" && index > 0 && index < parts.length - 1;
    if (isOr && groups.at(-1)!.length > 0) groups.push([]);
    else {
      const found = phrase(tokenize(quoted ?? word ?? ""), false);
      groups.at(-1)!.push(minus === "-" ? negated(found) : found);
    }
  }
  return joined("or", groups.map((group) => joined("and", group)));
}

function countWords(query: TextQuery): number {
  if (query.kind === "phrase") return query.tokens.length;
  if (query.kind === "not") return countWords(query.operand);
  return query.operands.reduce((sum, operand) => sum + countWords(operand), 0);
}

/** FTS5 has only `a NOT b`, so a negation is carried as "all rows except those that `text` matches". */
interface Match { readonly text: string; readonly excluded: boolean }

function matchText(query: TextQuery): Match {
  if (query.kind === "phrase") return { text: `"${query.tokens.join(" ")}"${query.prefix ? " *" : ""}`, excluded: false };
  if (query.kind === "not") {
    const operand = matchText(query.operand);
    return { text: operand.text, excluded: !operand.excluded };
  }
  const operands = query.operands.map(matchText);
  const wanted = operands.filter((operand) => !operand.excluded);
  const unwanted = operands.filter((operand) => operand.excluded);
  if (query.kind === "and") {
    if (wanted.length === 0) return { text: grouped(unwanted, "OR"), excluded: true };
    return { text: except(grouped(wanted, "AND"), grouped(unwanted, "OR")), excluded: false };
  }
  if (unwanted.length === 0) return { text: grouped(wanted, "OR"), excluded: false };
  return { text: except(grouped(unwanted, "AND"), grouped(wanted, "OR")), excluded: true };
}

function grouped(matches: readonly Match[], operator: "AND" | "OR"): string {
  if (matches.length < 2) return matches[0]?.text ?? "";
  return `(${matches.map((match) => match.text).join(` ${operator} `)})`;
}

function except(wanted: string, unwanted: string): string {
  return unwanted === "" ? wanted : `(${wanted} NOT ${unwanted})`;
}

function holds(query: TextQuery, columns: readonly (readonly string[])[]): boolean {
  switch (query.kind) {
    case "phrase": return columns.some((tokens) => hasPhrase(tokens, query.tokens, query.prefix));
    case "not": return !holds(query.operand, columns);
    case "and": return query.operands.every((operand) => holds(operand, columns));
    case "or": return query.operands.some((operand) => holds(operand, columns));
  }
}

function hasPhrase(tokens: readonly string[], wanted: readonly string[], prefix: boolean): boolean {
  const last = wanted.length - 1;
  for (let start = 0; start + last < tokens.length; start++) {
    const found = wanted.every((word, index) => {
      const token = tokens[start + index]!;
      return prefix && index === last ? token.startsWith(word) : token === word;
    });
    if (found) return true;
  }
  return false;
}
