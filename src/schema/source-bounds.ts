// How large and how deeply nested a schema file may be: the parser and all that walks its tree recurse as deep as the text does.
import type { SourceText } from "./source-text.ts";

const SOURCE_LENGTH_MAX = 1_000_000;
const NESTING_MAX = 64;

export interface BoundsProblem {
  readonly offset: number;
  readonly message: string;
  readonly fix: string;
}

const TOKEN = /"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|[[\](){}]/g;

/** Null when the text may be parsed. */
export function boundsProblem(source: SourceText): BoundsProblem | null {
  if (source.text.length > SOURCE_LENGTH_MAX) {
    return { offset: 0, message: `A schema has at most ${SOURCE_LENGTH_MAX} characters, this one ${source.text.length}.`, fix: "Divide the app." };
  }
  let depth = 0;
  for (const { 0: token, index } of source.text.matchAll(TOKEN)) {
    if ("[({".includes(token)) depth += 1;
    else if ("])}".includes(token)) depth -= 1;
    if (depth > NESTING_MAX) return { offset: index, message: `The schema is nested deeper than ${NESTING_MAX} levels.`, fix: "Nest less." };
  }
  return null;
}
