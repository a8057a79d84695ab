// `ambit decisions`: the decisions of the app that runs here, with what their runs came to and spent. Also takes the payloads of a run away.
import { resolve } from "node:path";
import { askAdministrator } from "./ask-administrator.ts";
import type { Call, Command } from "./command.ts";

export const decisionsCommand: Command = {
  name: "decisions",
  usage: "[DIR] [--days N] [--erase RUN]",
  summary: "Decisions of the app that runs here: mode, model, outcomes, spend.",
  words: { min: 0, max: 1 },
  flags: {
    days: { value: "N", help: "Counts of so many days, in UTC. Default: 1, today." },
    erase: { value: "RUN", help: "Takes away what a run was about, and those that it has asked; their records stay." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const directory = resolve(call.words[0] ?? ".");
    const erase = call.flag("erase");
    if (erase !== null) return erased(call, await askAdministrator(call, directory, { method: "POST", path: "/admin/decisions", body: { erase } }));
    const days = call.flag("days");
    return list(call, await askAdministrator(call, directory, { method: "GET", path: `/admin/decisions${days === null ? "" : `?days=${encodeURIComponent(days)}`}` }));
  },
};

interface Listed {
    readonly name: string; readonly mode: string; readonly declared: string; readonly since: string; readonly kind: string; readonly model: string | null; readonly hasModel: boolean; readonly version: string; readonly runs: number; readonly isPartial: boolean;
    readonly outcomes: readonly { readonly outcome: string; readonly reason: string | null; readonly runs: number }[];
    readonly tokens: { readonly input: number; readonly output: number }; readonly cost: string | null;
    readonly rollout?: { readonly candidate: string | null; readonly canary: number; readonly shadow: number; readonly isOver: boolean; readonly stats: { readonly runs: number; readonly compared: number; readonly agreement: number; readonly violations: number } };
}

function list({ output }: Call, answer: unknown): number {
  const decisions = answer as readonly Listed[];
  if (decisions.length === 0) output.say("no decisions");
  for (const one of decisions) {
    output.object(one);
    const model = one.model === null ? "" : ` ${one.model}${one.hasModel ? "" : " (not configured)"}`;
    const spent = one.tokens.input + one.tokens.output === 0 ? "" : `, ${one.tokens.input} + ${one.tokens.output} tokens${one.cost === null ? "" : `, ${one.cost}`}`;
    output.say(`${one.name}  ${one.kind === "RULE" ? "" : `${one.mode === one.declared ? "" : `${one.declared}, lowered to `}${one.mode} `}${one.kind}${model}  ${one.runs}${one.isPartial ? " and more" : ""} runs since ${one.since.slice(0, 10)}${spent}`);
    if (one.rollout !== undefined) {
      const { candidate, canary, shadow, isOver, stats } = one.rollout;
      output.say(`  rollout of ${candidate ?? "itself"}: canary ${canary}, shadow ${shadow}${isOver ? ", over" : ""}; ${stats.runs} runs, violations ${stats.violations.toFixed(3)}, agreement ${stats.agreement.toFixed(3)} of ${stats.compared}`);
    }
    for (const { outcome, reason, runs } of one.outcomes) output.say(`  ${String(runs).padStart(7)}  ${outcome}${reason === null ? "" : ` ${reason}`}`);
  }
  return 0;
}

function erased({ output }: Call, answer: unknown): number {
  const { erased: runs } = answer as { readonly erased: readonly string[] };
  output.object({ event: "erased", runs });
  output.say(`erased ${runs.join(" ")}`);
  return 0;
}
