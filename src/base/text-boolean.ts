// Parses the operator syntax of full-text search: words joined by & | ! <-> and parentheses, like PostgreSQL's to_tsquery.
import { joined, negated, phrase, type TextQuery } from "./text-query-tree.ts";
import { tokenize } from "./text-tokens.ts";

type Lexeme =
  | { readonly kind: "word"; readonly text: string; readonly prefix: boolean }
  | { readonly kind: "&" | "|" | "!" | "(" | ")" | "<->" };

interface Reader {
  readonly lexemes: readonly Lexeme[];
  next: number;
  depth: number;
}

class Unreadable extends Error {}

const NESTING_MAX = 50;
const LEXEME = /\s+|([&|!()]|<->)|(?:'((?:[^'\\]|''|\\.)*)'|([^\s&|!()<>:*'\\]+))(:\*)?/uy;

/** A string says why it cannot be read. Null: no words. */
export function parseBooleanText(words: string): TextQuery | null | string {
  try {
    const reader: Reader = { lexemes: lexemesOf(words), next: 0, depth: 0 };
    if (reader.lexemes.length === 0) return null;
    const query = parseOr(reader);
    const rest = reader.lexemes[reader.next];
    if (rest?.kind === ")") throw new Unreadable("A ) has no ( before it.");
    if (rest !== undefined) throw new Unreadable("Join words with & or |, or use plfts for all of them.");
    return query;
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    throw error;
  }
}

function lexemesOf(words: string): Lexeme[] {
  const lexemes: Lexeme[] = [];
  LEXEME.lastIndex = 0;
  while (LEXEME.lastIndex < words.length) {
    const start = LEXEME.lastIndex;
    const found = LEXEME.exec(words);
    if (found === null) throw new Unreadable(explain(words.charAt(start)));
    const [, operator, quoted, plain, prefix] = found;
    if (operator !== undefined) lexemes.push({ kind: operator as "&" });
    else if (quoted !== undefined) lexemes.push({ kind: "word", text: quoted.replaceAll("''", "'").replace(/\\(.)/gu, "$1"), prefix: prefix !== undefined });
    else if (plain !== undefined) lexemes.push({ kind: "word", text: plain, prefix: prefix !== undefined });
  }
  return lexemes;
}

function explain(character: string): string {
  if (character === "'") return "A quote is not closed.";
  if (character === "*" || character === ":") return "Write the beginning of a word as word:*.";
  return "Only & | ! <-> and parentheses may join words.";
}

function parseOr(reader: Reader): TextQuery | null {
  const operands = [parseAnd(reader)];
  while (accept(reader, "|")) operands.push(parseAnd(reader));
  return joined("or", operands);
}

function parseAnd(reader: Reader): TextQuery | null {
  const operands = [parseNot(reader)];
  while (accept(reader, "&")) operands.push(parseNot(reader));
  return joined("and", operands);
}

function parseNot(reader: Reader): TextQuery | null {
  if (!accept(reader, "!")) return parseFollowing(reader);
  return nested(reader, () => negated(parseNot(reader)));
}

function parseFollowing(reader: Reader): TextQuery | null {
  let left = parsePrimary(reader);
  while (accept(reader, "<->")) {
    const right = parsePrimary(reader);
    if (left === null || right === null) left = left ?? right;
    else if (left.kind === "phrase" && right.kind === "phrase" && !left.prefix) {
      left = { kind: "phrase", tokens: [...left.tokens, ...right.tokens], prefix: right.prefix };
    } else throw new Unreadable("Only words can follow each other with <->, and only the last may end in :*.");
  }
  return left;
}

function parsePrimary(reader: Reader): TextQuery | null {
  const lexeme = reader.lexemes[reader.next++];
  if (lexeme?.kind === "word") return phrase(tokenize(lexeme.text), lexeme.prefix);
  if (lexeme?.kind !== "(") throw new Unreadable("A word is missing.");
  return nested(reader, () => {
    const inner = parseOr(reader);
    if (!accept(reader, ")")) throw new Unreadable("A ( is not closed, or two words are not joined by & or |.");
    return inner;
  });
}

function accept(reader: Reader, kind: Lexeme["kind"]): boolean {
  if (reader.lexemes[reader.next]?.kind !== kind) return false;
  reader.next++;
  return true;
}

function nested(reader: Reader, parse: () => TextQuery | null): TextQuery | null {
  if (++reader.depth > NESTING_MAX) throw new Unreadable(`A search nests at most ${NESTING_MAX} deep.`);
  const query = parse();
  reader.depth--;
  return query;
}
