// The body of a provider's answer, before its package reads it: held to strict JSON, arguments kept as the model wrote them, figures of usage put
// aside, since packages refuse a whole answer for an absurd one. A body is a document, or a stream of events with one each.
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

/** Throws whatever JSON.parse or `parse` throw. */
export function readBody(text: string, { wire, parse, isStream }: { readonly wire: Wire; readonly parse: ParseStrictly; readonly isStream: boolean }): AnswerBody {
  if (!isStream) {
    const document: unknown = JSON.parse(text);
    return { text: forPackage(text, wire, parse), documents: [document], error: errorIn(document), hasEnd: true };
  }
  const documents: unknown[] = [];
  const out: string[] = [];
  let hasEnd = false;
  for (const { event, data } of eventsIn(text)) {
    const isEnd = data === "[DONE]";
    const document: unknown = isEnd ? null : JSON.parse(data);
    if (!isEnd) documents.push(document);
    hasEnd ||= isEnd || ENDS.has(event) || ENDS.has(typeOf(document));
    out.push(`${event === "" ? "" : `event: ${event}\n`}data: ${isEnd ? data : forPackage(data, wire, parse)}\n\n`);
  }
  return { text: out.join(""), documents, error: documents.map(errorIn).find((error) => error !== null) ?? null, hasEnd };
}

const ENDS: ReadonlySet<string> = new Set(["message_stop", "response.completed", "response.incomplete", "response.failed"]);
const typeOf = (document: unknown): string => String((document as { readonly type?: unknown } | null)?.type ?? "");

function forPackage(text: string, { inputs, usages, noUsage }: Wire, parse: ParseStrictly): string {
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

interface StreamEvent { readonly event: string; readonly data: string }

/** Server-sent events; one that no empty line ends has not been sent. */
function eventsIn(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  const whole = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  for (const block of whole.slice(0, Math.max(0, whole.lastIndexOf("\n\n"))).split(/\n\n+/)) {
    let event = "";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line.startsWith("event:")) event = line.slice(6).trim();
    }
    if (data.length > 0) events.push({ event, data: data.join("\n") });
  }
  return events;
}
