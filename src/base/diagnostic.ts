// A problem in an app's files, with place, reason and fix. Compilers return lists of these; they never throw them.

export interface SourcePosition {
  /** Path as the user named it, for example `schema.graphql`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
}

/** Replace the text from `start` up to, not including, `end`. Equal ends insert. */
export interface TextEdit {
  readonly file: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
  readonly text: string;
}

export interface Diagnostic {
  /** A key of `errorRegistry`. */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly position: SourcePosition;
  /** What is wrong, one sentence. */
  readonly message: string;
  /** Why it matters, one sentence. */
  readonly why: string;
  /** What to do, one sentence; includes the did-you-mean. */
  readonly fix: string;
  /** What a machine may apply; empty when the fix needs a person's choice. */
  readonly edits: readonly TextEdit[];
}

/** By file, line, column, then code: the order in which they are shown. */
export function compareDiagnostics(left: Diagnostic, right: Diagnostic): number {
  return left.position.file.localeCompare(right.position.file)
    || left.position.line - right.position.line
    || left.position.column - right.position.column
    || left.code.localeCompare(right.code);
}

const NAME_LENGTH_MAX = 100;

/** The candidate nearest to `name` (Damerau-Levenshtein, case-folded), if near enough to be meant. */
export function didYouMean(name: string, candidates: Iterable<string>): string | null {
  // Nobody meant a name of ours by so long a one, and the comparison would take its square.
  if (name.length > NAME_LENGTH_MAX) return null;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) { best = candidate; bestDistance = distance; }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length]!;
}
