// Every page in docs/errors/ says what the registry says, and its samples do what they show: `wrong` answers the code, `right` none.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorRegistry, type ErrorCode } from "../../src/base/error-registry.ts";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { adviceProblems, codeProblems, configProblems, evolutionProblem, schemaProblems, unreachableProblems } from "./app-samples.ts";
import { runRequests } from "./http-requests.ts";
import { blocksOf, type Block } from "./markdown-blocks.ts";
import { openFixture, type Fixture } from "./running-fixture.ts";
import { runShell } from "./shell-samples.ts";

const root = join(import.meta.dir, "..", "..");
const BYTES_MAX = 3_000;

/** What no sample can honestly provoke, and the test that does, or null where nothing does yet. */
const unprovoked: Readonly<Partial<Record<ErrorCode, string | null>>> = {
  REQUEST_TIMEOUT: "src/interfaces/http/server.test.ts",
  TRANSACTION_CONFLICT: "src/resources/actions.test.ts",
  IDEMPOTENCY_IN_PROGRESS: "src/resources/idempotency.test.ts",
  OUTCOME_UNKNOWN: "src/resources/idempotency.test.ts",
  INTERNAL: "src/resources/actions.test.ts",
  OVERLOADED: "src/storage/committer.test.ts",
  COMMIT_UNKNOWN: "src/storage/open-storage.test.ts",
  QUERY_TIMEOUT: "src/storage/plan-scan.test.ts",
  STORAGE_FULL: "src/storage/committer.test.ts",
  DATA_IN_USE: "src/storage/open-storage.test.ts",
  PORT_IN_USE: "test/commands/start.test.ts",
  SOURCE_TIMEOUT: "test/sources/reading.test.ts",
  EMBEDDING_UNAVAILABLE: "test/embeddings/similar.test.ts",
  SIGN_IN_FAILED: "test/accounts/password.test.ts",
  MAIL_MISSING: "test/outbox/outbox.test.ts",
  TOO_MANY_REQUESTS: "test/limits/limits.test.ts",
  APPROVAL_VOID: null,
  OFFER_VOID: null,
  NEGOTIATION_CLOSED: null,
  DECISION_REJECTED: null,
  DECISION_EXPIRED: null,
  DECISION_CANCELLED: null,
  DECISION_FAILED: null,
  DECISION_ERASED: "test/decisions/trace.test.ts",
  ANSWER_ERASED: "test/decisions/forget.test.ts",
  TOOL_READS_ONLY: "test/decisions/decide.test.ts",
  DATA_NEWER: "src/storage/open-storage.test.ts",
};

const codes = Object.keys(errorRegistry) as ErrorCode[];
const pageOf = (code: ErrorCode): string => readFileSync(join(root, "docs", "errors", `${code}.md`), "utf8");
const written = codes.filter((code) => existsSync(join(root, "docs", "errors", `${code}.md`)));

let fixture: Fixture;
beforeAll(async () => { fixture = await openFixture(); });
afterAll(() => fixture.close());

test("each page begins with its code, where it occurs and its title", () => {
  const wrong = written.filter((code) => {
    const { status, title, retry } = errorRegistry[code] as { status: number; title: string; retry?: boolean };
    const lines = pageOf(code).split("\n");
    const kinds = [`Status ${status}`, "Start-up error", "Start-up warning", "Command-line error"];
    return lines[0] !== `# ${code}` || !kinds.some((kind) => lines[2] === `${kind}. ${title}.${retry === true ? " May be retried." : ""}`);
  });
  expect(wrong).toEqual([]);
});

test("each page is short and has a wrong and a right sample, or a text that says why not", () => {
  const wrong = written.filter((code) => {
    const page = pageOf(code);
    const words = new Set(blocksOf(page).flatMap((block) => block.words));
    const isComplete = Object.hasOwn(unprovoked, code) ? blocksOf(page).some((block) => block.language === "text") : words.has("wrong") && words.has("right");
    return !isComplete || Buffer.byteLength(page) > BYTES_MAX || !page.endsWith("\n");
  });
  expect(wrong).toEqual([]);
});

test("what no sample provokes is provoked by the test that is named", () => {
  const wrong = Object.entries(unprovoked).filter(([code, path]) => path !== null && !(existsSync(join(root, path)) && readFileSync(join(root, path), "utf8").includes(code)));
  expect(wrong).toEqual([]);
});

for (const code of written) {
  const blocks = blocksOf(pageOf(code));
  const samples = blocks.filter((block) => block.words.includes("wrong") || block.words.includes("right"));
  if (samples.length === 0) continue;
  describe(code, () => {
    if (samples.some((block) => block.language === "http")) {
      test("requests", async () => {
        const app = await fixture.start();
        try {
          for (const block of samples.filter((one) => one.language === "http")) await judgeRequests(app.url, block, code);
        } finally {
          await app.stop();
        }
      });
    }
    for (const block of samples.filter((one) => one.language !== "http")) {
      test(`${block.language} ${block.words.join(" ")} of line ${block.line}`, () => judge(block, blocks, code), 20_000);
    }
  });
}

async function judgeRequests(url: string, block: Block, code: ErrorCode): Promise<void> {
  const isRight = block.words.includes("right");
  const answer = await runRequests(url, block.text, isRight);
  if (isRight) return;
  expect({ code: answer.code, text: answer.text }).toEqual({ code, text: answer.text });
  if (code !== "NOT_AVAILABLE") expect(answer.status).toBe(errorRegistry[code].status);
}

const ADVICE: ReadonlySet<ErrorCode> = new Set(["OPEN_TO_PUBLIC", "NEVER_TRUE", "MORE_OPEN", "RULE_SCANS"]);

async function judge(block: Block, all: readonly Block[], code: ErrorCode): Promise<void> {
  const given = (language: string): string => all.find((one) => one.language === language && one.words.includes("given"))?.text ?? "";
  switch (block.language) {
    case "graphql": {
      if (code === "NOBODY_ALLOWED") return judgeProblems(block, [...schemaProblems(block.text), ...unreachableProblems(block.text)], code);
      if (ADVICE.has(code)) return judgeProblems(block, [...schemaProblems(block.text), ...adviceProblems(block.text)], code);
      if (given("json") === "") return judgeProblems(block, schemaProblems(block.text, given("yaml")), code);
      const refused = await evolutionProblem(given("graphql"), given("json"), block.text);
      return expect(refused).toBe(block.words.includes("right") ? null : code);
    }
    case "yaml": return judgeProblems(block, configProblems(block.text), code);
    case "ts": return judgeProblems(block, await codeProblems(given("graphql"), block.text), code);
    case "sh": {
      const { code: exit, output } = await runShell(block.text);
      if (block.words.includes("right")) return expect({ failed: exit !== null && exit !== 0, output }).toEqual({ failed: false, output });
      expect(output).toContain(`error ${code}:`);
      return expect(exit).toBe(code === "USAGE" ? 2 : 1);
    }
    default: throw new Error(`no sample is written in ${block.language}`);
  }
}

/** A wrong sample has this problem and no other. `later`: beside it stands something that this version does not have. */
function judgeProblems(block: Block, problems: readonly Diagnostic[], code: ErrorCode): void {
  const found = [...new Set(problems.map((problem) => problem.code))].sort();
  const isWrong = block.words.includes("wrong");
  const expected = [...(isWrong ? [code] : []), ...(block.words.includes("later") ? ["NOT_AVAILABLE"] : [])].sort();
  expect({ found, problems }).toEqual({ found: expected, problems });
  if (isWrong) expect(problems.some((problem) => problem.code === code && problem.severity === (code === "NOBODY_ALLOWED" || code === "FALLBACK_ANSWER" || ADVICE.has(code) ? "warning" : "error"))).toBe(true);
}
