// Where values stand in a JSON text, so that they can be taken as they were written: reading and writing anew makes 40 of 4e1 and one key of two.
// Reads no value, and takes texts alone that JSON.parse has taken.

/** Names of members; `*`: any item of a list. */
export type JsonPath = readonly string[];

export interface JsonSpan { readonly start: number; readonly end: number; /** Which of the paths leads there. */ readonly path: JsonPath }

interface Way { readonly path: JsonPath; readonly rest: JsonPath }

/** In the order of the text. */
export function spansAt(text: string, paths: readonly JsonPath[]): JsonSpan[] {
  const found: JsonSpan[] = [];
  walk(text, afterSpace(text, 0), paths.map((path) => ({ path, rest: path })), found);
  return found;
}

/** The text with these spans as `write` gives them. */
export function rewritten(text: string, spans: readonly JsonSpan[], write: (span: JsonSpan, source: string) => string): string {
  let out = "";
  let from = 0;
  for (const span of spans) {
    out += text.slice(from, span.start) + write(span, text.slice(span.start, span.end));
    from = span.end;
  }
  return out + text.slice(from);
}

/** Answers where the value ends. Goes no deeper than the paths. */
function walk(text: string, start: number, ways: readonly Way[], found: JsonSpan[]): number {
  const here = ways.find(({ rest }) => rest.length === 0);
  const opening = text[start];
  const isObject = opening === "{";
  if (here !== undefined || ways.length === 0 || (!isObject && opening !== "[")) {
    const end = endOfValue(text, start);
    if (here !== undefined) found.push({ start, end, path: here.path });
    return end;
  }
  let at = afterSpace(text, start + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    let name = "*";
    if (isObject) {
      const end = endOfString(text, at);
      name = JSON.parse(text.slice(at, end)) as string;
      at = afterSpace(text, afterSpace(text, end) + 1);
    }
    at = afterSpace(text, walk(text, at, ways.flatMap(({ path, rest }) => (rest[0] === name && isObject !== (name === "*") ? [{ path, rest: rest.slice(1) }] : [])), found));
    if (text[at] === ",") at = afterSpace(text, at + 1);
  }
  return at + 1;
}

function endOfValue(text: string, start: number): number {
  const opening = text[start];
  if (opening === '"') return endOfString(text, start);
  if (opening !== "{" && opening !== "[") return endOfWord(text, start);
  let depth = 0;
  for (let at = start; ; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at) - 1;
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return at + 1;
  }
}

/** Of a number, true, false or null. */
function endOfWord(text: string, start: number): number {
  let at = start;
  while (at < text.length && !",]} \n\r\t".includes(text[at]!)) at++;
  return at;
}

/** After the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function afterSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && " \n\r\t".includes(text[at]!)) at++;
  return at;
}
