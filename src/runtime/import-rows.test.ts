import { expect, test } from "bun:test";
import type { Json } from "../base/value.ts";
import { answerImport, remoteTarget, type ImportLine, type ImportTarget } from "./import-rows.ts";

/** Takes every line but those that say otherwise. */
function target(): ImportTarget & { readonly calls: unknown[] } {
  const calls: unknown[] = [];
  return {
    calls,
    async check(lines) { return lines.map(({ text }) => (text === "bad" ? { code: "VALIDATION_FAILED", message: "bad", details: null } : null)); },
    async missing(keys) { return keys.filter(({ id }) => id === "gone"); },
    async write(lines, mode) {
      calls.push({ lines, ...mode });
      return lines.map(({ text }) => (text === "later" ? "deferred" : "created"));
    },
    async reach(sequences) { calls.push(sequences); },
  };
}

test("over the wire it is the same target", async () => {
  const there = target();
  const remote = remoteTarget(async (request) => JSON.parse(JSON.stringify(await answerImport(there, JSON.parse(JSON.stringify(request))))) as Json);
  const lines: ImportLine[] = [{ table: "A", text: "bad" }, { table: "A", text: "later" }];
  expect(await remote.check(lines)).toEqual([{ code: "VALIDATION_FAILED", message: "bad", details: null }, null]);
  expect(await remote.missing([{ table: "A", id: "here" }, { table: "A", id: "gone" }])).toEqual([{ table: "A", id: "gone" }]);
  expect(await remote.write(lines, { replace: true, loosen: false })).toEqual(["created", "deferred"]);
  await remote.reach([{ name: "A", scope: "", next: "7" }]);
  expect(there.calls).toEqual([{ lines, replace: true, loosen: false }, [{ name: "A", scope: "", next: "7" }]]);
});

test("a body that is no step is refused, and nothing is done", async () => {
  const there = target();
  const bodies: unknown[] = [
    null, [], "write", {}, { action: "drop" }, { action: "write", lines: {} }, { action: "write", lines: [{ table: "A" }] }, { action: "write", lines: [null] },
    { action: "write", lines: [{ table: 1, text: "{}" }] }, { action: "write", lines: [], replace: "yes" }, { action: "write", lines: [], loosen: 1 }, { action: "missing", keys: ["a"] }, { action: "reach", sequences: [{ name: "A", scope: "", next: "1; DROP" }] },
    { action: "reach", sequences: [{ name: "A", scope: "", next: "99999999999999999999" }] },
  ];
  for (const body of bodies) expect([body, await answerImport(there, body).catch((error: { code?: string }) => error.code)]).toEqual([body, "MALFORMED_BODY"]);
  expect(there.calls).toEqual([]);
});
