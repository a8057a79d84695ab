// Where in the text of resources.ts a name stands, for messages about what it exports. By words, not by syntax: a near place is enough.
import type { SourcePosition } from "../base/diagnostic.ts";

/** Of `name`, as it is declared behind `owner` (a class, `Endpoints`); without `name` the owner's own. The beginning where it is not found. */
export function bodyPlace(file: string, source: string | null, owner: string, name: string | null): SourcePosition {
  const start = { file, line: 1, column: 1 };
  if (source === null) return start;
  const holder = new RegExp(`\\b(?:class|const|let|function)\\s+${escaped(owner)}\\b`).exec(source);
  if (holder === null) return start;
  const member = name === null ? null : new RegExp(`(?<![\\w.$])${escaped(name)}(?=\\s*[(:=<,])`).exec(source.slice(holder.index));
  const offset = holder.index + (member?.index ?? 0);
  const before = source.slice(0, offset).split("\n");
  return { file, line: before.length, column: before[before.length - 1]!.length + 1 };
}

function escaped(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
