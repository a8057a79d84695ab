// `ambit backtest`: past runs of a decision gone through with another policy, model or bound, by the app that runs here, or over the data of one that
// does not. Changes nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { decisions } from "#decisions";
import { systemClock } from "../base/clock.ts";
import { AmbitError, fault } from "../base/error.ts";
import { systemRandom } from "../base/random.ts";
import type { BacktestRequest } from "../resources/decision-port.ts";
import type { AuditTools } from "../runtime/decisions-module.ts";
import { isError, loadApp } from "../runtime/load-app.ts";
import { readBacktest } from "../runtime/read-backtest.ts";
import { modelFetchOf } from "../runtime/start-outbox.ts";
import { readingDataFile } from "../storage/backup.ts";
import { askAdministrator } from "./ask-administrator.ts";
import { dataFileOf } from "./backup.ts";
import { wholeNumber, type Call, type Command } from "./command.ts";

export const backtestCommand: Command = {
  name: "backtest",
  usage: "DECISION [DIR] --policy FILE|--model ALIAS|--candidate NAME|--bound NAME=CEL",
  summary: "Past runs of a decision with something changed: what would differ.",
  words: { min: 1, max: 2 },
  flags: {
    policy: { value: "FILE", help: "The policy's text. The model is asked anew." },
    model: { value: "ALIAS", help: "Another model of config.yaml. It is asked." },
    candidate: { value: "NAME", help: "Another decision in its place. Its model is asked." },
    bound: { value: "NAME=CEL", help: "Another rule of a bound, or a new bound. Alone: no model is asked.", repeatable: true },
    last: { value: "N", help: "So many of the newest runs. Default: 500." },
    repeat: { value: "K", help: "Ask of each run so often. Default: 1." },
    "max-cost": { value: "COST", help: 'All that it may cost. Default: one unit, as "1.00 USD".' },
    html: { value: "FILE", help: "The report for people." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const tools = decisions.audit;
    if (tools === null) throw fault("USAGE", "This server was built without decisions.");
    const request = requestOf(call);
    const cancel = new AbortController();
    const interrupted = (): void => cancel.abort();
    process.on("SIGINT", interrupted);
    try {
      const report = await byRunningApp(call, request, cancel.signal) ?? await overDataFile(call, request, { tools, signal: cancel.signal });
      call.output.progress("");
      tell(call, report as Report);
      const html = call.flag("html");
      if (html !== null) writeFileSync(html, tools.report(report));
      return cancel.signal.aborted ? 1 : 0;
    } finally {
      process.off("SIGINT", interrupted);
    }
  },
};

const COUNT_MAX = 1_000_000;

function requestOf(call: Call): BacktestRequest {
  const [policy, last, repeat] = [call.flag("policy"), call.flag("last"), call.flag("repeat")];
  const bounds = call.flags("bound").map((one): [string, string] => {
    const [, name, rule] = /^([A-Za-z_]\w*)=(.+)$/s.exec(one) ?? [];
    if (name === undefined || rule === undefined) throw fault("USAGE", "--bound takes NAME=CEL.", { fix: "--bound 'cap=out.amount <= 50'" });
    return [name, rule];
  });
  return readBacktest({
    decision: call.words[0]!, policy: policy === null ? null : fileText(policy), model: call.flag("model"), candidate: call.flag("candidate"), bounds: Object.fromEntries(bounds), maxCost: call.flag("max-cost"),
    ...(last === null ? {} : { last: wholeNumber(backtestCommand, "last", last, [1, COUNT_MAX]) }), ...(repeat === null ? {} : { repeat: wholeNumber(backtestCommand, "repeat", repeat, [1, COUNT_MAX]) }),
  });
}

function fileText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fault("USAGE", `${file} cannot be read.`, { cause: error });
  }
}

interface State { readonly id: string; readonly state: string; readonly runs: number; readonly report: object | null; readonly problem: { readonly status: number; readonly code: string; readonly message: string } | null }

const LOOK_MS = 100;

/** Null: none runs. */
async function byRunningApp(call: Call, request: BacktestRequest, signal: AbortSignal): Promise<object | null> {
  const directory = resolve(call.words[1] ?? ".");
  let one: State;
  try {
    one = await askAdministrator(call, directory, { method: "POST", path: "/admin/backtests", body: request }) as State;
  } catch (error) {
    if (error instanceof AmbitError && error.code === "UNAVAILABLE") return null;
    throw error;
  }
  const path = `/admin/backtests/${one.id}`;
  for (let isCancelled = false; ;) {
    const { state, runs, report, problem } = await askAdministrator(call, directory, { method: "GET", path }) as State;
    call.output.progress(`${runs} runs`);
    if (report !== null) return report;
    if (state === "FAILED") throw problem === null ? fault("INTERNAL", "The backtest has failed.") : new AmbitError(problem.status, problem.code, problem.message, {});
    if (signal.aborted && !isCancelled) {
      isCancelled = true;
      await askAdministrator(call, directory, { method: "DELETE", path });
    }
    await new Promise<void>((done) => { setTimeout(done, LOOK_MS); });
  }
}

async function overDataFile(call: Call, request: BacktestRequest, { tools, signal }: { readonly tools: AuditTools; readonly signal: AbortSignal }): Promise<object> {
  const app = await loadApp(resolve(call.words[1] ?? "."), { environment: call.environment, typeCheck: false });
  if (app.diagnostics.some(isError)) {
    call.output.diagnostics(app.diagnostics);
    throw fault("USAGE", "The app has errors.", { fix: "See ambit check." });
  }
  const ports = { clock: systemClock(), random: systemRandom(), fetch: modelFetchOf(app.config, call.environment["AMBIT_FORBID_OUTBOUND"] === "1"), standIn: null, tracer: null };
  return readingDataFile(dataFileOf(call), (connection) => tools.backtest(connection, request, { app, ports, signal, progressed: (runs) => call.output.progress(`${runs} runs`) }));
}

interface Side { readonly outcome: string; readonly reason: string | null; readonly output: unknown; readonly violated: readonly string[] }
interface Report {
  readonly decision: string; readonly changes: readonly string[]; readonly runs: number; readonly isPartial: boolean; readonly otherVersions: number; readonly leftOut: Readonly<Record<string, number>>;
  readonly agreement: number | null; readonly agreementByField: Readonly<Record<string, number>>; readonly consistency: number | null; readonly repeat: number; readonly changed: Readonly<Record<string, number>>;
  readonly outcomes: readonly { readonly outcome: string; readonly reason: string | null; readonly before: number; readonly after: number }[];
  readonly bounds: readonly { readonly bound: string; readonly before: { readonly violated: number; readonly clamped: number }; readonly after: { readonly violated: number; readonly clamped: number }; readonly unjudged: number }[];
  readonly cost: { readonly currency: string | null; readonly before: { readonly micros: number }; readonly after: { readonly micros: number } | null };
  readonly measured: { readonly latency: { readonly p50Ms: number; readonly p95Ms: number } } | null;
  readonly differences: readonly { readonly run: string; readonly change: string; readonly before: Side; readonly after: Side }[]; readonly differencesNotShown: number;
}

const SAID_MAX = 20;

function tell({ output }: Call, report: Report): void {
  output.object({ event: "backtested", ...report });
  const { agreement, agreementByField, consistency, repeat, changed, cost, measured, differences, differencesNotShown } = report;
  const part = (value: number): string => `${Math.round(value * 1_000) / 10} %`;
  const side = ({ outcome, reason, output: said }: Side): string => `${outcome}${reason === null ? "" : ` ${reason}`} ${JSON.stringify(said)}`;
  const unsaid = Math.max(0, differences.length - SAID_MAX) + differencesNotShown;
  output.say([
    `${report.decision}: ${report.changes.join("; ")}`,
    `${report.runs} runs${report.isPartial ? ", not all" : ""}${report.otherVersions === 0 ? "" : `, ${report.otherVersions} of other versions`}${Object.entries(report.leftOut).map(([why, runs]) => `; ${runs} left out: ${why}`).join("")}`,
    ...(agreement === null ? [] : [`same output: ${part(agreement)} (${Object.entries(agreementByField).map(([name, value]) => `${name} ${part(value)}`).join(", ")})`]),
    `now pass ${changed["passes"]}, now violated ${changed["violated"]}, now clamped ${changed["clamped"]}, otherwise other ${changed["other"]}`,
    ...(consistency === null ? [] : [`same in ${repeat} repeats: ${part(consistency)}`]),
    ...(cost.after === null ? [] : [`cost ${cost.before.micros / 1_000_000} then, ${cost.after.micros / 1_000_000} now${cost.currency === null ? "" : ` ${cost.currency}`}${measured === null ? "" : `; p50 ${measured.latency.p50Ms} ms, p95 ${measured.latency.p95Ms} ms`}`]),
    ...report.outcomes.map(({ outcome, reason, before, after }) => `${String(before).padStart(7)} > ${String(after).padEnd(7)} ${outcome}${reason === null ? "" : ` ${reason}`}`),
    ...report.bounds.map(({ bound, before, after, unjudged }) => `${String(before.violated + before.clamped).padStart(7)} > ${String(after.violated + after.clamped).padEnd(7)} broke ${bound}${unjudged === 0 ? "" : `, ${unjudged} not known`}`),
    ...differences.slice(0, SAID_MAX).map(({ run, change, before, after }) => `${run} ${change}: ${side(before)} > ${side(after)}`),
    ...(unsaid === 0 ? [] : [`and ${unsaid} more`]),
  ].join("\n"));
}
