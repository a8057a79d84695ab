// The strict JSON reader: slower than JSON.parse, but it says where the text goes wrong and what JSON.parse would let pass.
import { fault } from "../../base/error.ts";

/** Throws MALFORMED_JSON. Objects have no prototype trouble: `__proto__` is a key like any other. */
export function readJsonStrictly(text: string, depthMax: number): unknown {
  return new JsonReader(text, depthMax).document();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const LONGEST_INTEGER = 40;

class JsonReader {
  private readonly text: string;
  private readonly depthMax: number;
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(text: string, depthMax: number) {
    this.text = text;
    this.depthMax = depthMax;
  }

  document(): unknown {
    this.space();
    if (this.at === this.text.length) throw this.problem("The body is empty.");
    const value = this.value(this.depthMax);
    this.space();
    if (this.at < this.text.length) throw this.problem("There is more after the end of the JSON document.");
    return value;
  }

  private value(depthLeft: number): unknown {
    const character = this.text[this.at];
    if (character === "{" || character === "[") {
      if (depthLeft <= 0) throw this.problem(`The JSON is nested deeper than ${this.depthMax} levels.`);
      return character === "{" ? this.object(depthLeft - 1) : this.list(depthLeft - 1);
    }
    if (character === '"') return this.string();
    if (this.text.startsWith("true", this.at)) return this.word("true", true);
    if (this.text.startsWith("false", this.at)) return this.word("false", false);
    if (this.text.startsWith("null", this.at)) return this.word("null", null);
    return this.number();
  }

  private word<Word>(word: string, value: Word): Word {
    this.at += word.length;
    return value;
  }

  private object(depthLeft: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const seen = new Set<string>();
    this.at++;
    this.space();
    if (this.skip("}")) return object;
    for (;;) {
      if (this.text[this.at] !== '"') throw this.problem("A key in double quotes belongs here.");
      const start = this.at;
      const key = this.string();
      if (seen.has(key)) throw this.problem("The same key stands twice in one object.", start, key);
      seen.add(key);
      this.space();
      if (!this.skip(":")) throw this.problem("A colon belongs here.");
      this.path.push(key);
      this.space();
      // defineProperty: an assignment to `__proto__` would set the prototype.
      Object.defineProperty(object, key, { value: this.value(depthLeft), enumerable: true, writable: true, configurable: true });
      this.path.pop();
      this.space();
      if (this.skip("}")) return object;
      if (!this.skip(",")) throw this.problem("A comma or a closing brace belongs here.");
      this.space();
    }
  }

  private list(depthLeft: number): unknown[] {
    const list: unknown[] = [];
    this.at++;
    this.space();
    if (this.skip("]")) return list;
    for (;;) {
      this.path.push(list.length);
      list.push(this.value(depthLeft));
      this.path.pop();
      this.space();
      if (this.skip("]")) return list;
      if (!this.skip(",")) throw this.problem("A comma or a closing bracket belongs here.");
      this.space();
    }
  }

  private string(): string {
    const start = this.at;
    let text = "";
    let from = ++this.at;
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      if (Number.isNaN(unit)) throw this.problem("A string is not closed.", start);
      if (unit < 0x20) throw this.problem("A control character stands unescaped in a string.");
      if (unit === 0x22) break;
      if (unit !== 0x5c) { this.at++; continue; }
      text += this.text.slice(from, this.at) + this.escape();
      from = this.at;
    }
    text += this.text.slice(from, this.at++);
    if (!text.isWellFormed()) throw this.problem("A string holds half of a surrogate pair.", start);
    if (text.includes("\0")) throw this.problem("A string holds the character U+0000.", start);
    return text;
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? "";
    if (letter === "u") {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.problem("An escape is not of the form \\uXXXX.");
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (character === undefined) throw this.problem("An escape is not known.");
    this.at += 2;
    return character;
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) throw this.problem(this.at === this.text.length ? "The JSON ends too early." : "A JSON value belongs here.");
    const start = this.at;
    this.at += match[0].length;
    const value = Number(match[0]);
    if (match[1] === undefined && match[2] === undefined && !Number.isSafeInteger(value)) {
      if (match[0].length > LONGEST_INTEGER) throw this.problem("A number is out of range.", start);
      return BigInt(match[0]);
    }
    if (!Number.isFinite(value)) throw this.problem("A number is out of range.", start);
    return value;
  }

  private space(): void {
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.at++;
    }
  }

  private skip(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private problem(message: string, at = this.at, key?: string): Error {
    const before = this.text.slice(0, at);
    const line = before.split("\n").length;
    const column = at - before.lastIndexOf("\n");
    const path = [...this.path, ...(key === undefined ? [] : [key])]
      .reduce<string>((text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`), "");
    return fault("MALFORMED_JSON", `${message.slice(0, -1)} (line ${line}, column ${column}).`, {
      details: { line, column, path: path.slice(0, 200) }, ...(path === "" ? {} : { where: path.slice(0, 200) }),
    });
  }
}
