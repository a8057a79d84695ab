// Text as every part compares it: by UTF-8 bytes, and case-folded. One implementation, also behind SQL's ambit_fold.

/** Order of the UTF-8 bytes, which is that of code points and of SQLite's BINARY collation. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

/** UTF-16 puts surrogates (astral characters) before U+E000..U+FFFF; code points come after them. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

const ASCII = /^[\0-\x7f]*$/;
const DOTLESS_I = "\u0131";

/**
 * Full Unicode case folding, independent of locale and of a letter's neighbours. Idempotent.
 * The dotless i stays itself, as in Unicode's CaseFolding.txt.
 */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  if (!text.includes(DOTLESS_I)) return foldPart(text);
  return text.split(DOTLESS_I).map(foldPart).join(DOTLESS_I);
}

/** Down, up, down: the capital sharp s needs the first step, sharp s the second. Lower case alone knows a final sigma. */
function foldPart(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll("\u03c2", "\u03c3");
}

/** False for lone surrogates, which have no UTF-8 form, and for U+0000, at which SQLite's text functions end. */
export function isWellFormedText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** What it takes in memory: a string takes a byte for each character as long as all are Latin-1. */
export function bytesOfText(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the whole of Latin-1 is meant
  return /[^\0-\xff]/.test(text) ? text.length * 2 : text.length;
}
