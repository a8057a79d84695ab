// The body of a provider's answer, before its package reads it: held to strict JSON, arguments kept as the model wrote them, figures of usage put
// aside, since packages refuse a whole answer for an absurd one. A body is a document, or a stream of events with one each.
import { EventReader } from "./event-reader.ts";
import { rewritten, spansAt } from "./json-spans.ts";
import { errorIn, type Wire } from "./wire.ts";

/** Throws for what is no JSON, has keys twice, or characters that no text has. */
export type ParseStrictly = (text: string) => unknown;

export interface AnswerBody {
  /** For the package. */
  readonly text: string;
  /** As they came. */
  readonly documents: readonly unknown[];
  /** A document that says what went wrong; null: none does. */
  readonly error: unknown;
  /** False for a stream that just stops. */
  readonly hasEnd: boolean;
}

/** Takes the text in parts. Both throw whatever JSON.parse or `parse` throw. */
export interface BodyReader {
  add(text: string): void;
  end(): AnswerBody;
}

export function bodyReader(isStream: boolean, wire: Wire, parse: ParseStrictly): BodyReader {
  return isStream ? new StreamBody(wire, parse) : new DocumentBody(wire, parse);
}

class DocumentBody implements BodyReader {
  readonly #parts: string[] = [];
  readonly #forPackage: (text: string) => string;

  constructor(wire: Wire, parse: ParseStrictly) {
    this.#forPackage = (text) => forPackage(text, wire, parse);
  }

  add(text: string): void { this.#parts.push(text); }

  end(): AnswerBody {
    const text = this.#parts.join("");
    const document: unknown = JSON.parse(text);
    return { text: this.#forPackage(text), documents: [document], error: errorIn(document), hasEnd: true };
  }
}

/** Reads each event when it has come, so that a long stream does not hold up the process at its end. */
class StreamBody implements BodyReader {
  readonly #events = new EventReader();
  readonly #documents: unknown[] = [];
  readonly #out: string[] = [];
  readonly #forPackage: (text: string) => string;
  #hasEnd = false;

  constructor(wire: Wire, parse: ParseStrictly) {
    this.#forPackage = (text) => forPackage(text, wire, parse);
  }

  add(text: string): void {
    for (const { event, data } of this.#events.read(text)) {
      const isEnd = data === "[DONE]";
      const document: unknown = isEnd ? null : JSON.parse(data);
      if (!isEnd) this.#documents.push(document);
      this.#hasEnd ||= isEnd || ENDS.has(event) || ENDS.has(typeOf(document));
      this.#out.push(`${event === "" ? "" : `event: ${event}\n`}data: ${isEnd ? data : this.#forPackage(data)}\n\n`);
      if (this.#out.length > EVENTS_MAX) throw new Error("too many events");
    }
  }

  end(): AnswerBody {
    const documents = this.#documents;
    return { text: this.#out.join(""), documents, error: documents.map(errorIn).find((error) => error !== null) ?? null, hasEnd: this.#hasEnd };
  }
}

/** A token each, and more than enough of them. */
const EVENTS_MAX = 50_000;
const ENDS: ReadonlySet<string> = new Set(["message_stop", "response.completed", "response.incomplete", "response.failed"]);
const typeOf = (document: unknown): string => String((document as { readonly type?: unknown } | null)?.type ?? "");

function forPackage(text: string, { inputs, usages, noUsage }: Wire, parse: ParseStrictly): string {
  // Of numbers alone, and of many.
  if (inputs.length === 0 && usages.length === 0) return text;
  const spans = spansAt(text, [...inputs, ...usages]);
  const exact = rewritten(text, spans, ({ path }, source) => {
    if (usages.includes(path)) return "null";
    return /^\{\s*\}$/.test(source) ? source : JSON.stringify(MARK + source);
  });
  parse(exact);
  const document: unknown = JSON.parse(exact);
  for (const path of usages) fill(document, path, noUsage);
  return JSON.stringify(document);
}

const MARK = "as-written:";

/** Arguments as the model wrote them, from what a package makes of them. */
export function asWritten(given: unknown): string {
  if (typeof given !== "string") return "";
  if (given.startsWith(MARK)) return given.slice(MARK.length);
  if (!given.startsWith(`"${MARK}`)) return given;
  try {
    return (JSON.parse(given) as string).slice(MARK.length);
  } catch {
    return given;
  }
}

function fill(document: unknown, [name, ...rest]: readonly string[], value: object): void {
  if (typeof document !== "object" || document === null || Array.isArray(document) || name === undefined) return;
  const members = document as { [name: string]: unknown };
  if (rest.length === 0) members[name] = value;
  else if (Object.hasOwn(members, name)) fill(members[name], rest, value);
}
