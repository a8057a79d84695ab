// Finds uses of members of `ctx` that this version does not have, in the text of resources.ts. A scan of tokens, no parser.
import type { Diagnostic } from "../base/diagnostic.ts";
import { unavailableContextMembers } from "../schema/availability.ts";

/** One NOT_AVAILABLE for each use of `ctx.NAME` or `this.ctx.NAME` outside comments and strings. */
export function findUnavailableMembers(source: string, file: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const match of blankText(source).matchAll(/\bctx\s*(?:\?\.|\.)\s*([A-Za-z]+)/g)) {
    const name = match[1]!;
    const reason = unavailableContextMembers.get(name);
    if (reason === undefined) continue;
    const before = source.slice(0, match.index + match[0].length - name.length).split("\n");
    found.push({
      code: "NOT_AVAILABLE", severity: "error", position: { file, line: before.length, column: before[before.length - 1]!.length + 1 },
      message: `ctx.${name} is not available in this version.`, why: reason, fix: "Remove it; README lists what is available.", edits: [],
    });
  }
  return found;
}

/** The source with comments and plain strings blanked out, positions kept. Template literals stay: their holes are code. */
function blankText(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (text) => text.replace(/[^\n]/g, " "));
}
