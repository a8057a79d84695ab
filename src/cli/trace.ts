// `ambit trace`: all that happened in one run of a decision: steps, verdicts, costs, and what the model was sent. That somebody has looked is recorded.
import { resolve } from "node:path";
import { askAdministrator } from "./ask-administrator.ts";
import type { Call, Command } from "./command.ts";

export const traceCommand: Command = {
  name: "trace",
  usage: "RUN [DIR]",
  summary: "All that happened in a run of a decision.",
  words: { min: 1, max: 2 },
  flags: { data: { value: "DIR", help: "The data directory, if the app was started with another one." } },
  async run(call) {
    const answer = await askAdministrator(call, resolve(call.words[1] ?? "."), { method: "GET", path: `/runs/${encodeURIComponent(call.words[0]!)}/trace` });
    call.output.object(answer);
    tell(call, answer as Trace);
    return 0;
  },
};

interface Trace {
  readonly run: string; readonly decision: string; readonly version: string; readonly isCurrent: boolean; readonly state: string; readonly source: string | null; readonly reason: string | null; readonly taint: string | null;
  readonly admittedAt: string; readonly endedAt: string | null; readonly asked: readonly string[]; readonly erased: readonly string[];
  /** Of what its model costs; null: it has no price. */
  readonly currency: string | null;
  readonly input?: unknown; readonly contexts?: unknown; readonly output?: unknown; readonly effects?: readonly object[];
  readonly verdicts: readonly { readonly bound: string; readonly at: string; readonly rule: string; readonly holds: boolean; readonly operands: object }[];
  readonly steps: readonly {
    readonly number: number; readonly model: string | null; readonly sent: readonly object[] | null; readonly answer: object | null; readonly verdict: { readonly malformed: boolean; readonly violated: readonly string[] } | null;
    readonly settled: { readonly tokens: number; readonly micros: number; readonly flag: string | null } | null;
  }[];
}

function tell({ output }: Call, trace: Trace): void {
  const { steps, verdicts, currency } = trace;
  const costs = (micros: number): string => (currency === null ? `${micros} millionths` : `${(micros / 1_000_000).toFixed(6)} ${currency}`);
  const lines = [
    `${trace.decision} ${trace.run}`,
    `${trace.state}${trace.reason === null ? "" : ` ${trace.reason}`}${trace.source === null ? "" : ` by ${trace.source}`}${trace.taint === null ? "" : `, ${trace.taint}`}; ${trace.admittedAt} to ${trace.endedAt ?? "now"}; version ${trace.version}${trace.isCurrent ? "" : ", which is not that of today"}`,
    ...(trace.erased.length === 0 ? [] : [`erased: ${trace.erased.join(", ")}`]), ...(trace.asked.length === 0 ? [] : [`asked: ${trace.asked.join(" ")}`]),
    ...part("input", trace.input), ...part("contexts", trace.contexts),
    ...steps.flatMap(({ number, model, sent, answer, settled, verdict }) => [
      `step ${number}: ${model ?? "no model"}${settled === null ? "" : `, ${settled.tokens} tokens, ${costs(settled.micros)}${settled.flag === null ? "" : ` (${settled.flag})`}`}`,
      ...(sent ?? []).map((message) => `  > ${JSON.stringify(message)}`), ...(answer === null ? ["  < no answer"] : [`  < ${JSON.stringify(answer)}`]),
      ...(verdict === null ? [] : [`  ${verdict.malformed ? "not of the declared type" : verdict.violated.length === 0 ? "within all bounds" : `violates ${verdict.violated.join(", ")}`}`]),
    ]),
    ...part("output", trace.output), ...(trace.effects ?? []).map((effect) => `effect: ${JSON.stringify(effect)}`),
    ...verdicts.map(({ bound, at, rule, holds, operands }) => `${holds ? "holds" : "VIOLATED"} ${at} ${bound}: ${rule} ${JSON.stringify(operands)}`),
  ];
  output.say(lines.join("\n"));
}

function part(name: string, value: unknown): string[] {
  return value === undefined || value === null ? [] : [`${name}: ${JSON.stringify(value)}`];
}
