// What providers do to a decision, one row each: what they send, and what comes of it, whichever format they speak.
import { gzipSync } from "node:zlib";
import type { Told, ToldCall, WireFormat } from "./wire-formats.ts";
import { reply, type Reply } from "./wire-server.ts";

/** `count`: of this decision's requests. */
export type Script = (wire: WireFormat, count: number) => Reply;

/** Whatever is asked. */
export type Always = () => Reply;

export interface WireRow {
  readonly name: string;
  readonly script: Script;
  /** The amount that the model decided, or why it fell back. */
  readonly ends: number | string;
  /** How many requests there were. */
  readonly requests: number;
  /** Told to the model before its last request. */
  readonly told?: string;
  /** Asked of the decision that has half a second. */
  readonly isHasty?: boolean;
  /** Figures of usage count for nothing, and the reservation is charged. */
  readonly isFlagged?: boolean;
  /** Formats in which it cannot be said. */
  readonly not?: (wire: WireFormat) => boolean;
}

export const CANARY = "sk-CANARY-of-the-provider";

const answer = (amount: number | string, more = ""): ToldCall => ({ name: "answer", arguments: `{"action":"REFUND","amount":${amount},"reason":"r"${more}}` });
const credit = (amount: number | string): ToldCall => ({ name: "Credit_create", arguments: `{"amount":${amount}}` });
const typeOf = ({ isStream }: WireFormat): string => (isStream ? "text/event-stream" : "application/json");
const says = (told: Told, more: Parameters<typeof reply>[1] = {}): Script => (wire) => reply(wire.body(told), { type: typeOf(wire), ...more });
export const raw = (head: string | null, body: string, end: Reply["end"] = "close"): Always => () => ({ head, body: Buffer.from(body), end });
export const status = (code: number, headers = ""): Always => () => reply(`{"error":{"message":"${CANARY}","type":"x","code":"y"}}`, { status: code, headers });
/** One after the other; the last again and again. */
const first = (...scripts: readonly Script[]): Script => (wire, count) => scripts[Math.min(count, scripts.length) - 1]!(wire, count);
const good = says({ calls: [answer(40)] });
/** A part of a good answer. */
const part = (share: number, end: Reply["end"], head: (length: number) => string): Script => (wire) => {
  const body = Buffer.from(wire.body({ calls: [answer(40)] }));
  return { head: head(body.length), body: body.subarray(0, Math.floor(body.length * share)), end };
};
export const promised = (length: number): string => `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${length}`;
export const untilClosed = (): string => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close";
/** Anything where the answer's arguments stand. */
const written = (text: string): Script => says({ calls: [{ name: "answer", arguments: text }] });
const isInBody = ({ provider, isStream }: WireFormat): boolean => provider === "google" || (provider === "anthropic" && !isStream);
const malformed = '{"refused":"MALFORMED_ANSWER","tell":"The answer is not of the declared type."}';
const unknownTool = '{"refused":"TOOL_NOT_ALLOWED","tell":"There is no such tool."}';
const figures = (count: string | null): Script => says({ calls: [answer(40)], count });
/** Other arguments each time. */
const named = (name: string): Script => (wire, count) => says({ calls: [{ name, arguments: answer(39 + count).arguments }] })(wire, count);
export const redirect = (code: number, to: string): Always => () => reply("", { status: code, headers: `Location: ${to}` });

const answered: readonly WireRow[] = [
  { name: "a good answer", script: good, ends: 40, requests: 1 },
  { name: "byte by byte", script: says({ calls: [answer(40)] }, { pieces: 1 }), ends: 40, requests: 1 },
  { name: "in chunks", script: (wire) => ({ head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", body: Buffer.from([...wire.body({ calls: [answer(40)] })].map((one) => `1\r\n${one}\r\n`).join("") + "0\r\n\r\n"), pieces: 7, end: "close" }), ends: 40, requests: 1 },
  { name: "an effect and the answer at once", script: says({ calls: [credit(5), answer(40)] }), ends: 40, requests: 1 },
  { name: "text beside it", script: says({ text: "I think so.", calls: [answer(40)] }), ends: 40, requests: 1 },
  { name: "two answers", script: says({ calls: [answer(20), answer(40)] }), ends: 40, requests: 1 },
  { name: "the wrong type of content", script: says({ calls: [answer(40)] }, { type: "text/html" }), ends: 40, requests: 1 },
  { name: "out of bounds, then within", script: first(says({ calls: [answer(101)] }), good), ends: 40, requests: 2, told: '{"refused":"BOUND","tell":"Not more than was paid."}' },
  { name: "malformed, then well", script: first(written('{"action":'), good), ends: 40, requests: 2, told: malformed, not: isInBody },
  { name: "a tool that is none, then the answer", script: first(named("Answer"), good), ends: 40, requests: 2, told: unknownTool },
  { name: "out of bounds to the end", script: says({ calls: [answer(101)] }), ends: "bound:cap", requests: 2 },
  { name: "text alone", script: says({ text: "REFUND 40" }), ends: "output_invalid", requests: 2 },
  { name: "nothing at all", script: says({}), ends: "output_invalid", requests: 2 },
];

const ends: readonly WireRow[] = [
  { name: "cut by its length", script: says({ calls: [answer(40)], end: "cut" }), ends: "output_invalid", requests: 1 },
  { name: "filtered", script: says({ calls: [answer(40)], end: "filtered" }), ends: "model_refused", requests: 1 },
  { name: "without a reason for its end", script: says({ calls: [credit(5), answer(40)], end: null }), ends: "output_invalid", requests: 1, not: ({ name }) => STREAMS_THAT_STOP.has(name) },
  { name: "a stream that stops without its end", script: says({ calls: [credit(5), answer(40)], end: null }), ends: "provider_unavailable", requests: 2, not: ({ name }) => !STREAMS_THAT_STOP.has(name) },
  { name: "closed in the middle of the body", script: part(0.5, "close", promised), ends: "provider_unavailable", requests: 2 },
  { name: "reset in the middle of the body", script: part(0.9, "reset", promised), ends: "provider_unavailable", requests: 2 },
  { name: "closed in the middle, then well", script: first(part(0.5, "close", promised), good), ends: 40, requests: 2 },
  { name: "half of it, said to be all", script: part(0.5, "close", untilClosed), ends: "output_invalid", requests: 1, not: ({ isStream }) => isStream },
  { name: "half of a stream, said to be all", script: part(0.4, "close", untilClosed), ends: "provider_unavailable", requests: 2, not: ({ isStream }) => !isStream },
  { name: "reset before anything", script: raw(null, "", "reset"), ends: "provider_unavailable", requests: 2 },
  { name: "closed before anything", script: raw(null, "", "close"), ends: "provider_unavailable", requests: 2 },
  { name: "no HTTP at all", script: raw(null, "SSH-2.0-OpenSSH\r\n\r\n"), ends: "provider_unavailable", requests: 2 },
];
/** In these the end is a document of its own, which the stream lacks. */
const STREAMS_THAT_STOP = new Set(["responsesStream", "geminiStream"]);

const failures: readonly WireRow[] = [
  { name: "429, then well", script: first(status(429, "Retry-After: 0"), good), ends: 40, requests: 2 },
  { name: "429 to the end", script: status(429, "Retry-After: 0"), ends: "rate_limited", requests: 2 },
  { name: "429 for longer than there is time", script: status(429, "Retry-After: 30"), ends: "rate_limited", requests: 1 },
  { name: "429 for ever", script: status(429, "Retry-After: 99999999999"), ends: "rate_limited", requests: 1 },
  { name: "429 until a time beyond the deadline", script: status(429, "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nRetry-After: Sat, 21 Nov 2026 10:05:00 GMT"), ends: "rate_limited", requests: 1 },
  { name: "429 with a wait that is none", script: status(429, "Retry-After: -1"), ends: "rate_limited", requests: 2 },
  { name: "500 of HTML", script: () => reply(`<html>${CANARY}</html>`, { status: 500, type: "text/html" }), ends: "provider_unavailable", requests: 2 },
  { name: "503, then well", script: first(status(503), good), ends: 40, requests: 2 },
  { name: "529", script: status(529), ends: "provider_unavailable", requests: 2 },
  { name: "400", script: status(400), ends: "provider_unavailable", requests: 1 },
  { name: "401 that quotes the key", script: () => reply(`{"error":{"message":"Incorrect API key: key-of-CANARY ${CANARY}"}}`, { status: 401 }), ends: "provider_unavailable", requests: 1 },
  { name: "204", script: raw("HTTP/1.1 204 No Content", ""), ends: "provider_unavailable", requests: 1 },
  { name: "200 with an error", script: ({ isStream }) => reply(isStream ? `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"${CANARY}"}}\n\n` : `{"type":"error","error":{"type":"x","code":"y","message":"${CANARY}"}}`), ends: "provider_unavailable", requests: 2 },
  { name: "200 of HTML", script: () => reply(`<html>${CANARY}</html>`, { type: "text/html" }), ends: "output_invalid", requests: 1, not: ({ isStream }) => isStream },
  { name: "200 and empty", script: () => reply(""), ends: "output_invalid", requests: 1, not: ({ isStream }) => isStream },
  { name: "another document", script: ({ isStream }) => reply(isStream ? "data: {\"a\":1}\n\n" : "{\"a\":1}"), ends: "output_invalid", requests: 1, isFlagged: true, not: ({ isStream }) => isStream },
  { name: "an answer that is null", script: () => reply("null"), ends: "output_invalid", requests: 1, not: ({ isStream }) => isStream },
  { name: "bytes that are no text", script: (wire) => reply(Buffer.from(wire.body({ calls: [answer(40)], text: "\u00ff" }), "latin1"), { type: typeOf(wire) }), ends: "output_invalid", requests: 1 },
  { name: "never an answer", script: raw(null, "", "hang"), ends: "provider_timeout", requests: 1, isHasty: true },
  { name: "headers and no body", script: raw("HTTP/1.1 200 OK\r\nContent-Length: 1000", "", "hang"), ends: "provider_timeout", requests: 1, isHasty: true },
  { name: "a byte now and then", script: (wire) => ({ ...says({ calls: [answer(40)] })(wire, 1), pieces: 1, pauseMs: 50 }), ends: "provider_timeout", requests: 1, isHasty: true },
  { name: "a header now and then", script: () => ({ head: null, body: Buffer.from(`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(1_000)}`), pieces: 1, pauseMs: 50, end: "hang" }), ends: "provider_timeout", requests: 1, isHasty: true },
];

const hostile: readonly WireRow[] = [
  { name: "a number with an exponent", script: written('{"action":"REFUND","amount":4e1,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "a number with a fraction of nothing", script: written('{"action":"REFUND","amount":40.0,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "a number as a text", script: written('{"action":"REFUND","amount":"40","reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "1e400", script: written('{"action":"REFUND","amount":1e400,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "more than 64 bits", script: written('{"action":"REFUND","amount":9223372036854775808,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "a key twice", script: written('{"action":"REFUND","amount":40,"amount":400,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "a key twice, once escaped", script: written('{"action":"REFUND","amount":40,"\\u0061mount":41,"reason":"r"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "__proto__", script: written('{"action":"REFUND","amount":40,"reason":"r","__proto__":{"amount":1}}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "constructor", script: written('{"action":"REFUND","amount":40,"reason":"r","constructor":{"prototype":{"x":1}}}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "half a surrogate pair", script: written('{"action":"REFUND","amount":40,"reason":"\\ud800"}'), ends: "output_invalid", requests: 2, told: malformed },
  { name: "a text that is JSON", script: written(JSON.stringify(answer(40).arguments)), ends: "output_invalid", requests: 2, told: malformed },
  { name: "nesting of ten thousand", script: written(`{"action":"REFUND","amount":40,"reason":${"[".repeat(10_000)}${"]".repeat(10_000)}}`), ends: "output_invalid", requests: 2, told: malformed },
  { name: "5 MB of a text", script: says({ calls: [answer(40, `,"x":"${"x".repeat(5_000_000)}"`)] }), ends: "output_invalid", requests: 1 },
  { name: "5 MB beside the answer", script: says({ text: "x".repeat(5_000_000), calls: [answer(40)] }), ends: "output_invalid", requests: 1 },
  { name: "a body without an end", script: () => ({ head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", body: Buffer.from(`10000\r\n${" ".repeat(65_536)}\r\n`.repeat(500)), pieces: 65_545, end: "hang" }), ends: "output_invalid", requests: 1 },
  { name: "a flood of events", script: () => reply("data: {}\n\n".repeat(700_000), { type: "text/event-stream" }), ends: "output_invalid", requests: 1 },
  { name: "a million bytes that unfold to a thousand times as many", script: () => reply(gzipSync(Buffer.alloc(50_000_000, 0x20)), { headers: "Content-Encoding: gzip" }), ends: "output_invalid", requests: 1 },
  { name: "a header of four megabytes", script: (wire) => reply(wire.body({ calls: [answer(40)] }), { type: typeOf(wire), headers: `X-Large: ${"x".repeat(4_000_000)}` }), ends: "provider_unavailable", requests: 2 },
  { name: "500 calls at once", script: says({ calls: Array.from({ length: 500 }, (_, index) => credit(index + 1)) }), ends: "budget:calls", requests: 1 },
  { name: "the same call again and again", script: says({ calls: [{ name: "lines", arguments: '{"sku":"A"}' }] }), ends: "loop_detected", requests: 3 },
  { name: "another call each time", script: (wire, count) => says({ calls: [{ name: "lines", arguments: `{"sku":"A${count}"}` }] })(wire, count), ends: "budget:steps", requests: 12 },
  { name: "two tools that are none", script: says({ calls: [{ name: "eval", arguments: "{}" }, { name: "rm", arguments: "{}" }] }), ends: "tool_not_allowed", requests: 1 },
  ...["Answer", "answer ", " answer", "\u0430nswer", "answer\u200b", "\uff41nswer", "answer\u0000", "functions.answer", "__proto__", "constructor", "toString", ""].map((name): WireRow => ({
    name: `the tool ${JSON.stringify(name)}`, script: named(name), ends: "tool_not_allowed", requests: 2, not: ({ provider }) => name === "answer\u0000" || (name === "" && provider !== "openai" && provider !== "anthropic"),
  })),
  { name: "calls within a call", script: (wire, count) => says({ calls: [{ name: "parallel", arguments: JSON.stringify({ tool_uses: [{ recipient_name: "functions.answer", parameters: { action: "REFUND", amount: 40 + count, reason: "r" } }] }) }] })(wire, count), ends: "tool_not_allowed", requests: 2 },
  { name: "a key of the document twice", script: (wire) => reply(wire.body({ calls: [answer(40)] }).replace(/^((?:event: .*\n)?(?:data: )?)\{/m, '$1{"id":"c","id":"d",'), { type: typeOf(wire) }), ends: "output_invalid", requests: 1 },
];

const usage: readonly WireRow[] = ["-5", "1.5", "1e400", "\"100\"", "9007199254740993", "{}", "null", "true"].map((count) => ({ name: `${count} tokens`, script: figures(count), ends: 40, requests: 1, isFlagged: true }));

const elsewhere: readonly WireRow[] = [301, 302, 303, 307, 308].flatMap((code) => ["http://169.254.169.254/latest/meta-data", "http://[::1]:1/", "/again"].map((to) => ({ name: `${code} to ${to}`, script: redirect(code, to), ends: "provider_unavailable", requests: 1 })));

export const wireRows: readonly WireRow[] = [
  ...answered, ...ends, ...failures, ...hostile, ...usage, { name: "no figures at all", script: figures(null), ends: 40, requests: 1, isFlagged: true },
  { name: "more tokens than were reserved", script: figures("90000000"), ends: 40, requests: 1, isFlagged: true }, ...elsewhere,
];
