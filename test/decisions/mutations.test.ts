// The mutation check: a copy of the server in which one boundary is switched off fails at least one test of boundaries. Short runs take a few of
// them, chosen by the day of the month, so that all come round; AMBIT_TEST_SIZE=long takes all.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Mutation { readonly name: string; readonly file: string; readonly from: string; readonly to: string; /** The test that must fail. */ readonly test: string }

const JUDGE = "src/decisions/bounds/judge.ts";
const points = ["INPUT", "CALL", "EFFECT", "OUTPUT", "COMMIT"].map((point): Mutation => ({
  name: `bounds at ${point}`, file: JUDGE, from: "!soft && points.includes(at)", to: `!soft && at !== "${point}" && points.includes(at)`, test: "bound-points",
}));
const mutations: readonly Mutation[] = [
  ...points,
  { name: "bounds at EFFECT over effects of the answer", file: "src/decisions/run/commit-run.ts", from: "this.#holdAtEffect(this.#seenBy(effect, args, variables), lifted);", to: "", test: "effect-bounds" },
  { name: "effects for bounds at OUTPUT", file: "src/decisions/reason/judge-answer.ts", from: "plannedEffects(decision, staged, judging) : null", to: "[] : null", test: "effect-bounds" },
  { name: "bounds over effects in the commit", file: JUDGE, from: 'readsEffects || at === "COMMIT"', to: 'at === "COMMIT"', test: "effect-bounds" },
  { name: "bounds at TOTAL", file: "src/decisions/bounds/totals.ts", from: 'bound.declaration.at !== "TOTAL"', to: "bound !== null", test: "bound-points" },
  { name: "the taint rule", file: "src/decisions/reason/act.ts", from: 'if (!this.isUntrusted || taint === "ALLOW") return;', to: "if (taint !== null) return;", test: "kept-back" },
  { name: "the fence", file: "src/storage/decision-rows.ts", from: 'AND "epoch" = ?', to: "AND 0 <= ?", test: "bound-points" },
  { name: "the freshness check", file: "src/decisions/run/commit-run.ts", from: 'declaration.freshness === "STRICT"', to: "declaration === null", test: "freshness" },
  { name: "secret stripping", file: "src/decisions/context/kept-back.ts", from: "return field.limits.secret ||", to: "return", test: "kept-back" },
  { name: "the discarding of the buffer", file: "src/decisions/run/commit-run.ts", from: "this.#body.work.nested(this.#body.root, () => this.#apply({ ...proposal, output }, lifted))", to: "this.#apply({ ...proposal, output }, lifted)", test: "bound-points" },
  { name: "the discarding of a shadow's buffer", file: "src/decisions/run/commit-run.ts", from: 'throw new Discarded("a shadow leaves nothing");', to: "", test: "shadow" },
  { name: "what an approval binds", file: "src/decisions/approvals/approvals.ts", from: "verdict.hash !== approval.hash", to: "verdict.hash === null", test: "approvals" },
  { name: "the requester's exclusion", file: "src/decisions/approvals/approvals.ts", from: "row.principal === person", to: "row.principal === null", test: "approvals" },
  { name: "the bounds of an edit", file: "src/decisions/run/commit-run.ts", from: 'if ("violated" in attempted) throw new ApprovalVoid', to: 'if ("violated" in attempted && operations !== null) throw new ApprovalVoid', test: "approvals" },
  { name: "who may decide what is followed", file: "src/decisions/approvals/approval-queue.ts", from: "|| !mayDecide(row, identity) ? null : textOf(row)", to: "? null : textOf(row)", test: "followed-wires" },
  { name: "that equal audiences alone are told together", file: "src/decisions/approvals/approval-queue.ts", from: "[...roles].sort(), only ?? null]", to: "only ?? null]", test: "followed-wires" },
  { name: "whose commitments are followed", file: "src/decisions/negotiation/negotiations.ts", from: "return row === null || !isParty(row, caller) ? null : textOf(row);", to: "return row === null ? null : textOf(row);", test: "followed-wires" },
];

const root = join(import.meta.dir, "../..");
const SHORT = 2;
let copy = "";
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "ambit-mutations-"));
  for (const part of ["src", "test", "package.json", "tsconfig.json", "directives.graphql", "config.schema.json"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
}, 120_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

async function passes(name: string): Promise<boolean> {
  const run = Bun.spawn([process.execPath, "test", "--bail", `test/decisions/${name}.test.ts`], { cwd: copy, stdout: "ignore", stderr: "ignore" });
  return await run.exited === 0;
}

const isLong = process.env["AMBIT_TEST_SIZE"] === "long";
const first = (new Date().getUTCDate() * SHORT) % mutations.length;
const chosen = isLong ? mutations : [...mutations, ...mutations].slice(first, first + SHORT);

test("each mutation changes what it names", () => {
  for (const { name, file, from } of mutations) expect([name, readFileSync(join(copy, file), "utf8").includes(from)]).toEqual([name, true]);
});

test.each(chosen.map((mutation) => [mutation.name, mutation] as const))("without %s a test fails", async (_, mutation) => {
  const path = join(copy, mutation.file);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replaceAll(mutation.from, mutation.to));
  try {
    expect(await passes(mutation.test)).toBe(false);
  } finally {
    writeFileSync(path, text);
  }
}, 120_000);

test("with all of them the tests pass", async () => {
  for (const name of new Set(chosen.map((mutation) => mutation.test))) expect([name, await passes(name)]).toEqual([name, true]);
}, 120_000);
