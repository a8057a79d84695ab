// `ambit test`: the app's *.test.ts, each test with a fresh database and a clock of its own.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fault } from "../base/error.ts";
import { isError, loadApp } from "../runtime/load-app.ts";
import { packageFile } from "../runtime/package-files.ts";
import type { Command } from "./command.ts";

/** Of one test, which starts an app of its own: on a machine that does other things too that may take longer than the five seconds of Bun. */
const TEST_MS = 60_000;

export const testCommand: Command = {
  name: "test",
  usage: "[DIR] [--name PATTERN]",
  summary: "The app's *.test.ts, each test with a fresh database and a fake clock.",
  words: { min: 0, max: 1 },
  flags: { name: { value: "PATTERN", help: "Only tests whose name matches." } },
  async run(call) {
    const directory = resolve(call.words[0] ?? ".");
    const { output } = call;
    const app = await loadApp(directory, { environment: call.environment, typeCheck: true });
    if (app.diagnostics.some(isError)) { output.diagnostics(app.diagnostics); return 1; }
    const files = [...new Bun.Glob("**/*.test.{ts,js}").scanSync({ cwd: directory })].filter((file) => !/(^|\/)(node_modules|\.ambit)\//.test(file)).sort();
    if (files.length === 0) throw fault("APP_MISSING", `There is no *.test.ts in ${directory}.`, { fix: `import { test, expect } from "ambit/test" in a file named for example app.test.ts.` });
    const work = mkdtempSync(join(tmpdir(), "ambit-report-"));
    const report = join(work, "report.xml");
    try {
      const name = call.flag("name");
      const runner = Bun.spawn([
        process.execPath, "test", "--no-orphans", `--timeout=${TEST_MS}`, "--preload", packageFile("src", "runtime", "test-preload.ts"), ...(name === null ? [] : ["--test-name-pattern", name]),
        ...(output.json ? ["--reporter=junit", `--reporter-outfile=${report}`] : []), ...files.map((file) => `./${file}`),
      ], { cwd: directory, env: { ...call.environment, AMBIT_TEST_APP: directory, AMBIT_FORBID_OUTBOUND: "1" }, stdout: output.json ? "ignore" : "inherit", stderr: output.json ? "pipe" : "inherit" });
      const said = output.json ? await new Response(runner.stderr as ReadableStream).text() : "";
      const code = await runner.exited;
      if (output.json) for (const result of [...readReport(report), ...outsideTests(said)]) output.object(result);
      return code === 0 ? 0 : 1;
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

/** `test` null: the file itself, or what it left running. */
interface TestResult { readonly test: string | null; readonly file: string; readonly status: "passed" | "failed" | "skipped"; readonly durationMs: number; readonly message: string | null }

function readReport(path: string): TestResult[] {
  const results: TestResult[] = [];
  for (const match of readFileSync(path, "utf8").matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const attribute = (name: string): string => unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(match[1]!)?.[1] ?? "");
    const inside = match[2] ?? "";
    const failure = /<failure[^>]*?(?:message="([^"]*)")?[^>]*>([\s\S]*?)<\/failure>|<failure[^>]*?(?:message="([^"]*)")?[^>]*\/>/.exec(inside);
    const message = failure === null ? null : unescapeXml(failure[1] ?? failure[3] ?? failure[2] ?? "").trim() || "It did not end in time.";
    results.push({
      test: attribute("name"), file: attribute("file"), durationMs: Math.round(Number(attribute("time")) * 1000), message,
      status: failure !== null ? "failed" : inside.includes("<skipped") ? "skipped" : "passed",
    });
  }
  return results;
}

/** The report leaves out what fails outside a test: a file that does not load, an error that nobody waits for. */
export function outsideTests(said: string): TestResult[] {
  // Text, then by turns a file's name and what was said of it.
  const parts = said.split(/^(\S+\.test\.[tj]s):$/m);
  return parts.flatMap((file, index) => (index % 2 === 0 ? [] : [...parts[index + 1]!.matchAll(/^# Unhandled error between tests\n-+\n([\s\S]*?)\n-{20,}$/gm)].map((match): TestResult => ({
    test: null, file, durationMs: 0, status: "failed", message: match[1]!.trim(),
  }))));
}

function unescapeXml(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", "\"").replaceAll("&apos;", "'").replaceAll("&#10;", "\n").replaceAll("&amp;", "&");
}
