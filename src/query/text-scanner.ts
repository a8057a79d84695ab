// Reads one text from left to right: the small steps that all parts of the REST grammar share. No meaning of words here.
import { fault, type AmbitError } from "../base/error.ts";

/** A whole name in the usual letters, ended by a character that no name has: much faster than the next one. */
const PLAIN_NAME = /[A-Za-z0-9_$]+(?=[^A-Za-z0-9_$ \-\u0080-\uffff]|$)/y;
const BARE_NAME = /[\p{L}\p{N}_$](?:[\p{L}\p{N}\p{M}_$ ]|-(?!>))*/uy;

export class TextScanner {
  readonly text: string;
  /** The parameter's name, for errors. */
  readonly where: string;
  position = 0;
  /** Braces that were found to have no end. */
  unclosed = 0;

  constructor(text: string, where: string) {
    this.text = text;
    this.where = where;
  }

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  startsWith(prefix: string): boolean {
    return this.text.startsWith(prefix, this.position);
  }

  accept(prefix: string): boolean {
    if (!this.startsWith(prefix)) return false;
    this.position += prefix.length;
    return true;
  }

  expect(prefix: string): void {
    if (!this.accept(prefix)) throw this.problem(`Expected ${prefix}`);
  }

  skipSpaces(): void {
    while (this.text[this.position] === " " || this.text[this.position] === "\t") this.position++;
  }

  /** The match of a sticky expression here, or null. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found !== null) this.position = pattern.lastIndex;
    return found;
  }

  /** A name: bare (letters, digits, _ $ - and inner spaces) or in double quotes, where a backslash takes the next character as it is. */
  name(): string {
    const plain = this.match(PLAIN_NAME);
    if (plain !== null) return plain[0];
    if (this.startsWith('"')) return this.quoted();
    const found = this.match(BARE_NAME);
    if (found === null) throw this.problem("Expected a name");
    return found[0].trimEnd();
  }

  quoted(): string {
    const value = this.acceptQuoted();
    if (value === null) throw this.problem("A double quote is not closed");
    return value;
  }

  /** Null, without moving, if no closed quoted text stands here. */
  acceptQuoted(): string | null {
    if (!this.startsWith('"')) return null;
    let value = "";
    for (let index = this.position + 1; index < this.text.length; index++) {
      const character = this.text[index]!;
      if (character === '"') {
        this.position = index + 1;
        return value;
      }
      value += character === "\\" ? this.text[++index] ?? "" : character;
    }
    return null;
  }

  /** MALFORMED_QUERY at this place. */
  problem(message: string, fix?: string): AmbitError {
    const found = this.atEnd ? "the end" : `"${this.text.slice(this.position, this.position + 20)}"`;
    return fault("MALFORMED_QUERY", `${message}, but found ${found} (character ${this.position + 1}).`, { where: this.where, ...(fix === undefined ? {} : { fix }) });
  }
}
