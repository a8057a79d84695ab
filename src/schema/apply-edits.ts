// Applies the edits of diagnostics to a text, as an editor would.
import { assert } from "../base/assert.ts";
import type { TextEdit } from "../base/diagnostic.ts";
import { sourceText } from "./source-text.ts";

/** All edits are of one file and refer to `text` as it is; they must not overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const { lineStarts } = sourceText("", text);
  const offsetOf = (place: TextEdit["start"]): number => (lineStarts[place.line - 1] ?? text.length) + place.column - 1;
  const ranges = edits.map((edit) => ({ start: offsetOf(edit.start), end: offsetOf(edit.end), text: edit.text })).sort((left, right) => left.start - right.start);
  let result = "";
  let done = 0;
  for (const range of ranges) {
    assert(range.start >= done && range.end >= range.start, "edits do not overlap");
    result += text.slice(done, range.start) + range.text;
    done = range.end;
  }
  return result + text.slice(done);
}
