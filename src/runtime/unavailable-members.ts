// Finds uses of members of `ctx` that this version does not have, in the text of the app's code. A scan of tokens, no parser:
// what goes by another name than `ctx` is found by the compiler (type-check.ts), or fails when it is called.
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import { unavailableContextMembers } from "../schema/availability.ts";

const MEMBER = /\bctx\s*(?:\?\.|\.)\s*([A-Za-z]+)/g;
const TAKEN_OUT = /\{([^{}]*)\}\s*=\s*(?:this\s*\.\s*)?ctx\b(?!\s*[.?[(])/g;

/** One NOT_AVAILABLE for each use of `ctx.NAME`, `this.ctx.NAME` or `{ NAME } = ctx` outside comments and strings. */
export function findUnavailableMembers(source: string, file: string): Diagnostic[] {
  const text = blankText(source);
  const named = [...text.matchAll(MEMBER)].map((match) => ({ name: match[1]!, offset: match.index + match[0].length - match[1]!.length }));
  const taken = [...text.matchAll(TAKEN_OUT)].flatMap((match) => [...match[1]!.matchAll(/(?:^|,)\s*([A-Za-z]+)/g)]
    .map((part) => ({ name: part[1]!, offset: match.index + 1 + part.index + part[0].length - part[1]!.length })));
  return [...named, ...taken].flatMap(({ name, offset }) => {
    const before = source.slice(0, offset).split("\n");
    const found = unavailableMember(name, { file, line: before.length, column: before[before.length - 1]!.length + 1 });
    return found === null ? [] : [found];
  });
}

/** Null where the member is not one of those. */
export function unavailableMember(name: string, position: SourcePosition): Diagnostic | null {
  const why = unavailableContextMembers.get(name);
  if (why === undefined) return null;
  return { code: "NOT_AVAILABLE", severity: "error", position, message: `ctx.${name} is not available in this version.`, why, fix: "Remove it; README lists what is available.", edits: [] };
}

/** The source with comments and plain strings blanked out, positions kept. Template literals stay: their holes are code. */
function blankText(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (text) => text.replace(/[^\n]/g, " "));
}
