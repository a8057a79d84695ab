// What endpoints that answer questions do to a decision, one row each: what they send, and what comes of it, whichever format they speak.
import { gzipSync } from "node:zlib";
import type { QuestionFormat, ToldAnswer, ToldAnswers } from "./question-formats.ts";
import { CANARY, promised, raw, redirect, status, untilClosed } from "./wire-scripts.ts";
import { reply, type Reply } from "./wire-server.ts";

export type Script = (wire: QuestionFormat, count: number) => Reply;

export interface QuestionRow {
  readonly name: string;
  readonly script: Script;
  /** The level that was decided, or why it fell back. */
  readonly ends: number | string;
  readonly requests: number;
  /** The last that the endpoint was told. */
  readonly told?: string;
  readonly isHasty?: boolean;
  readonly isFlagged?: boolean;
  /** Formats in which it cannot be said. */
  readonly not?: (wire: QuestionFormat) => boolean;
}

const says = (told: ToldAnswers, more: Parameters<typeof reply>[1] = {}): Script => (wire) => reply(wire.body(told), more);
const first = (...scripts: readonly Script[]): Script => (wire, count) => scripts[Math.min(count, scripts.length) - 1]!(wire, count);

/** A refund at level 3, urgent. Levels count from 0 there, and from 1 here. */
export const well = {
  action: { choice: "REFUND", likely: { REFUND: 0.7, VOUCHER: 0.2, ASK_HUMAN: 0.1 } },
  urgent: { yes: 0.9 },
  level: { score: 2, likely: { 0: 0, 1: 0, 2: 1, 3: 0, 4: 0 } },
} as const;
const good = says({ answers: well });
const but = (changed: { readonly [member: string]: ToldAnswer }): Script => says({ answers: { ...well, ...changed } });
const without = (left: string): Script => says({ answers: Object.fromEntries(Object.entries(well).filter(([name]) => name !== left)) });
const choice = (value: string, likely?: Record<string, number | string>): ToldAnswer => ({ choice: value, likely: likely ?? { REFUND: 0, VOUCHER: 0, ASK_HUMAN: 0, [value]: 1 } });
const score = (value: number | string, likely: Record<string, number>): ToldAnswer => ({ score: value, likely: { 0: 0, 1: 0, 2: 0, 3: 0, 4: 0, ...likely } });
const rewritten = (from: string | RegExp, to: string): Script => (wire) => {
  const [before, after] = [wire.body({ answers: well }), wire.body({ answers: well }).replace(from, to)];
  if (before === after) throw new Error(`nothing was rewritten: ${String(from)}`);
  return reply(after);
};
const part = (share: number, end: Reply["end"], head: (length: number) => string): Script => (wire) => {
  const body = Buffer.from(wire.body({ answers: well }));
  return { head: head(body.length), body: body.subarray(0, Math.floor(body.length * share)), end };
};
const tooMuch = but({ level: score(4, { 4: 1 }) });
const isGoogle = ({ provider }: QuestionFormat): boolean => provider === "google";
const isOpenai = ({ provider }: QuestionFormat): boolean => provider === "openai";

const answered: readonly QuestionRow[] = [
  { name: "all is answered", script: good, ends: 3, requests: 1 },
  { name: "byte by byte", script: says({ answers: well }, { pieces: 1 }), ends: 3, requests: 1 },
  { name: "the wrong type of content", script: says({ answers: well }, { type: "text/html" }), ends: 3, requests: 1 },
  { name: "in another order", script: says({ answers: { level: well.level, urgent: well.urgent, action: well.action } }), ends: 3, requests: 1 },
  { name: "between two levels, nearer to the lower", script: but({ level: score(1.4, { 1: 0.6, 2: 0.4 }) }), ends: 2, requests: 1 },
  { name: "between two levels", script: but({ level: score(1.5, { 1: 0.5, 2: 0.5 }) }), ends: 3, requests: 1 },
  { name: "the lowest", script: but({ level: score(0, { 0: 1 }) }), ends: 1, requests: 1 },
  { name: "rounded to two places", script: but({ action: choice("VOUCHER", { REFUND: 0.33, VOUCHER: 0.33, ASK_HUMAN: 0.33 }) }), ends: 3, requests: 1 },
  { name: "out of bounds, then within", script: first(tooMuch, good), ends: 3, requests: 2, told: '{"refused":"BOUND","tell":"Not for that much."}' },
  { name: "out of bounds to the end", script: tooMuch, ends: "bound:cap", requests: 2 },
  { name: "not all, then all", script: first(without("urgent"), good), ends: 3, requests: 2, told: "Call the tool answer." },
];

/** Each of them is asked once more. */
const nothing: readonly QuestionRow[] = ([
  ["a question is left out", without("urgent")],
  ["no answers", says({ answers: {} })],
  ["one more than was asked", but({ more: { yes: 1 } })],
  ["another one instead", says({ answers: { action: well.action, level: well.level, other: { yes: 1 } } })],
  ["a value that was not offered", but({ action: choice("DELETE") })],
  ["a value in other letters", but({ action: choice("refund") })],
  ["a value with a space", but({ action: choice("REFUND ") })],
  ["the value __proto__", but({ action: choice("__proto__", { REFUND: 1, VOUCHER: 0, ASK_HUMAN: 0 }) })],
  ["the value constructor", but({ action: choice("constructor", { REFUND: 1, VOUCHER: 0, ASK_HUMAN: 0 }) })],
  ["an empty value", but({ action: choice("", { REFUND: 1, VOUCHER: 0, ASK_HUMAN: 0 }) })],
  ["a level above the scale", but({ level: score(4.01, { 4: 1 }) })],
  ["a level below it", but({ level: score(-0.01, { 0: 1 }) })],
  ["a level of ten to the ninth", but({ level: score(1e9, { 4: 1 }) })],
  ["a level as a text", but({ level: score('"2"', { 2: 1 }) })],
  ["a level that is null", but({ level: score("null", { 2: 1 }) })],
  ["a level that is a list", but({ level: score("[2]", { 2: 1 }) })],
  ["more than certain", but({ urgent: { yes: 1.01 } })],
  ["less than impossible", but({ urgent: { yes: -0.01 } })],
  ["true for how likely it is", but({ urgent: { yes: "true" } })],
  ["a likelihood as a text", but({ urgent: { yes: '"0.9"' } })],
  ["a likelihood that is null", but({ urgent: { yes: "null" } })],
  ["a choice where yes or no was asked", but({ urgent: choice("REFUND") })],
  ["yes or no where a choice was asked", but({ action: { yes: 1 } })],
  ["a score where a choice was asked", but({ action: score(1, { 1: 1 }) })],
  ["likelihoods of not all values", but({ action: choice("REFUND", { REFUND: 1 }) })],
  ["likelihoods of more values", but({ action: choice("REFUND", { REFUND: 1, VOUCHER: 0, ASK_HUMAN: 0, DELETE: 0 }) })],
  ["likelihoods of too little", but({ action: choice("REFUND", { REFUND: 0.4, VOUCHER: 0.1, ASK_HUMAN: 0.1 }) })],
  ["likelihoods of too much", but({ action: choice("REFUND", { REFUND: 1, VOUCHER: 1, ASK_HUMAN: 1 }) })],
  ["another value is likelier", but({ action: choice("REFUND", { REFUND: 0.2, VOUCHER: 0.7, ASK_HUMAN: 0.1 }) })],
  ["likelihoods of another level", but({ level: score(2, { 4: 1 }) })],
] as const).map(([name, script]): QuestionRow => ({ name, script, ends: "output_invalid", requests: 2 }));

const documents: readonly QuestionRow[] = [
  { name: "no member of answers", script: rewritten('"answers"', '"answer"'), ends: "output_invalid", requests: 2 },
  { name: "one answer twice", script: (wire) => reply(wire.body({ answers: well }).replace('{"name":"urgent"', '{"name":"urgent","type":"predicate","probability":0.1},{"name":"urgent"')), ends: "output_invalid", requests: 2, not: isGoogle },
  { name: "one value twice in the likelihoods", script: (wire) => reply(wire.body({ answers: well }).replace('{"value":"VOUCHER"', '{"value":"REFUND"')), ends: "output_invalid", requests: 2, not: isGoogle },
  { name: "one member twice", script: (wire) => reply(wire.body({ answers: well }).replace('"urgent":', '"urgent":{"type":"noul","noul":0.1},"urgent":')), ends: "output_invalid", requests: 1, not: isOpenai },
  { name: "the document is another", script: () => reply('{"a":1}'), ends: "output_invalid", requests: 2, isFlagged: true },
  { name: "the document is null", script: () => reply("null"), ends: "output_invalid", requests: 2, isFlagged: true },
  { name: "the document is a list", script: () => reply("[]"), ends: "output_invalid", requests: 2, isFlagged: true },
  { name: "an unknown member beside them", script: rewritten(/^\{/, '{"more":{"deep":[1]},'), ends: 3, requests: 1 },
  { name: "a number that is none", script: rewritten("0.9", "NaN"), ends: "output_invalid", requests: 1 },
  { name: "an infinite number", script: rewritten("0.9", "Infinity"), ends: "output_invalid", requests: 1 },
  { name: "a level beyond all numbers", script: but({ level: score("1e400", { 4: 1 }) }), ends: "output_invalid", requests: 1 },
  { name: "a key of the document twice", script: rewritten(/^\{/, '{"id":"a","id":"b",'), ends: "output_invalid", requests: 1 },
  { name: "no JSON", script: () => reply("REFUND"), ends: "output_invalid", requests: 1 },
  { name: "empty", script: () => reply(""), ends: "output_invalid", requests: 1 },
  { name: "bytes that are no text", script: (wire) => reply(Buffer.from(wire.body({ answers: { ...well, "\u00ff": { yes: 1 } } }), "latin1")), ends: "output_invalid", requests: 1 },
  { name: "half a character", script: rewritten("REFUND", "\\ud800"), ends: "output_invalid", requests: 1 },
  { name: "a text of five megabytes", script: rewritten("REFUND", "R".repeat(5_000_000)), ends: "output_invalid", requests: 1 },
  { name: "five megabytes without a length", script: () => ({ head: untilClosed(), body: Buffer.from(`{"a":"${"a".repeat(5_000_000)}"}`), end: "close" }), ends: "output_invalid", requests: 1 },
  { name: "nested a thousand times", script: rewritten(/^\{/, `{"deep":${"[".repeat(1_000)}${"]".repeat(1_000)},`), ends: "output_invalid", requests: 1 },
  { name: "compressed", script: (wire) => reply(gzipSync(wire.body({ answers: well })), { headers: "Content-Encoding: gzip" }), ends: "output_invalid", requests: 1 },
  { name: "half of it, said to be all", script: part(0.5, "close", untilClosed), ends: "output_invalid", requests: 1 },
];

const failures: readonly QuestionRow[] = [
  { name: "one question is refused", script: but({ urgent: "refused" }), ends: "model_refused", requests: 1 },
  { name: "a refusal of nothing that was asked", script: (wire) => reply(wire.body({ answers: well }).replace('{"name":"urgent"', '{"name":null,"type":"refusal"},{"name":"urgent"')), ends: "output_invalid", requests: 2, not: isGoogle },
  { name: "429, then well", script: first(status(429, "Retry-After: 0"), good), ends: 3, requests: 2 },
  { name: "429 to the end", script: status(429, "Retry-After: 0"), ends: "rate_limited", requests: 2 },
  { name: "429 for longer than there is time", script: status(429, "Retry-After: 30"), ends: "rate_limited", requests: 1 },
  { name: "500 of HTML", script: () => reply(`<html>${CANARY}</html>`, { status: 500, type: "text/html" }), ends: "provider_unavailable", requests: 2 },
  { name: "503, then well", script: first(status(503), good), ends: 3, requests: 2 },
  { name: "400", script: status(400), ends: "provider_unavailable", requests: 1 },
  { name: "401", script: status(401), ends: "provider_unavailable", requests: 1 },
  { name: "404", script: status(404), ends: "provider_unavailable", requests: 1 },
  { name: "200 with an error", script: () => reply(`{"error":{"type":"x","code":"y","message":"${CANARY}"}}`), ends: "provider_unavailable", requests: 2 },
  { name: "200 with an error beside good answers", script: rewritten(/^\{/, `{"error":{"message":"${CANARY}"},`), ends: "provider_unavailable", requests: 2 },
  { name: "200 of HTML", script: () => reply(`<html>${CANARY}</html>`, { type: "text/html" }), ends: "output_invalid", requests: 1 },
  { name: "a redirect", script: redirect(307, "http://169.254.169.254/latest/meta-data"), ends: "provider_unavailable", requests: 1 },
  { name: "closed in the middle of the body", script: part(0.5, "close", promised), ends: "provider_unavailable", requests: 2 },
  { name: "reset in the middle, then well", script: first(part(0.9, "reset", promised), good), ends: 3, requests: 2 },
  { name: "reset before anything", script: raw(null, "", "reset"), ends: "provider_unavailable", requests: 2 },
  { name: "never an answer", script: raw(null, "", "hang"), ends: "provider_timeout", requests: 1, isHasty: true },
  { name: "headers and no body", script: raw("HTTP/1.1 200 OK\r\nContent-Length: 1000", "", "hang"), ends: "provider_timeout", requests: 1, isHasty: true },
  { name: "a byte now and then", script: (wire) => ({ ...good(wire, 1), pieces: 1, pauseMs: 50 }), ends: "provider_timeout", requests: 1, isHasty: true },
];

const usage: readonly QuestionRow[] = ["-5", "1.5", "1e400", '"100"', "9007199254740993", "{}", "null", "true", "0", "90000000"].map((count) => ({ name: `${count} tokens`, script: says({ answers: well, count }), ends: 3, requests: 1, isFlagged: true }));

export const questionRows: readonly QuestionRow[] = [...answered, ...nothing, ...documents, ...failures, ...usage, { name: "no figures at all", script: says({ answers: well, count: null }), ends: 3, requests: 1, isFlagged: true }];
