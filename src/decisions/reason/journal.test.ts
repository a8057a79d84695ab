// The journal: the same question gets its recorded answer, another one is refused.
import { expect, test } from "bun:test";
import type { ModelRequest } from "../../models/model.ts";
import { Diverged, Journal, requestHash, type AskedStep } from "./journal.ts";

const request: ModelRequest = { messages: [{ role: "user", text: "a" }], tools: [], maxOutputTokens: 9 };
const model = { alias: "default", id: "m" };
const step: AskedStep = { model: "m", answer: { text: "", calls: [], finish: "complete", usage: { input: 1, output: 1 } }, reserved: { tokens: 9, micros: 1 }, lost: { tokens: 0, micros: 0 }, acted: [{ json: "1", isUntrusted: false }], over: null, settled: { tokens: 2, micros: 0, flag: null } };
const { answer: _answer, settled: _settled, ...asking } = step;
const nothing = { tokens: 0, micros: 0 };

test("a hash covers model, messages, tools and parameters", () => {
  const hashes = [requestHash(model, request), requestHash({ ...model, id: "n" }, request), requestHash({ ...model, alias: "b" }, request), requestHash(model, { ...request, messages: [] }), requestHash(model, { ...request, maxOutputTokens: 8 }),
    requestHash(model, { ...request, tools: [{ name: "t", description: "", parameters: {} }] })];
  expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(hashes.length);
  expect(requestHash(model, structuredClone(request))).toEqual(hashes[0]!);
  expect(hashes[0]!.bytes).toBe(JSON.stringify([request.messages, request.tools]).length);
});

test("steps are numbered; what was answered comes back once asked the same", () => {
  const journal = new Journal([{ number: 0, kind: "ask", hash: "h0", facts: JSON.stringify(step) }, { number: 1, kind: "ask", hash: "h1", facts: JSON.stringify({ ...asking, lost: { tokens: 1, micros: 2 } }) }]);
  expect(journal.coming?.acted).toEqual([{ json: "1", isUntrusted: false }]);
  expect(journal.step("h0")).toEqual({ number: 0, recorded: step, lost: nothing });
  // Nobody knows its answer: all that it may have cost is spent.
  expect(journal.step("h1")).toEqual({ number: 1, recorded: null, lost: { tokens: 10, micros: 3 } });
  expect(journal.coming).toBeNull();
  expect(journal.step("h2")).toEqual({ number: 2, recorded: null, lost: nothing });
});

test("another question than the recorded one is refused", () => {
  expect(() => new Journal([{ number: 0, kind: "ask", hash: "h0", facts: JSON.stringify(asking) }]).step("other")).toThrow(Diverged);
});
