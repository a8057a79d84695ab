// `ambit jobs`: runs of the app that runs here: listed, one looked at, replayed, cancelled, a job enqueued.
import { resolve } from "node:path";
import { fault } from "../base/error.ts";
import { askAdministrator } from "./ask-administrator.ts";
import type { Call, Command } from "./command.ts";

export const jobsCommand: Command = {
  name: "jobs",
  usage: "[DIR] [--state S] [--job NAME] [--run ID]",
  summary: "Runs of jobs of the app that runs here; replays, cancels and enqueues.",
  words: { min: 0, max: 1 },
  flags: {
    state: { value: "S", help: "Only SCHEDULED, QUEUED, RUNNING, SUCCEEDED, FAILED (dead letters) or CANCELLED." },
    job: { value: "NAME", help: "Only of this job." },
    limit: { value: "N", help: "How many, newest first. Default: 100." },
    after: { value: "CURSOR", help: "Goes on where the list before ended." },
    run: { value: "ID", help: "All that is known of one." },
    replay: { value: "ID", help: "Runs one that has failed or was cancelled again, from the beginning." },
    cancel: { value: "ID", help: "Ends one that waits, tells one that runs to end." },
    enqueue: { value: "NAME", help: "Enqueues a job, as the administrator." },
    input: { value: "JSON", help: "With --enqueue: its arguments." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const asked = ["run", "replay", "cancel", "enqueue"].filter((name) => call.flag(name) !== null);
    if (asked.length > 1) throw fault("USAGE", `--${asked[0]} and --${asked[1]} do not go together.`, { fix: "Do one after the other." });
    const run = call.flag("run");
    if (run !== null) return show(call, await ask(call, "GET", `/runs/${encodeURIComponent(run)}`, null));
    if (asked.length === 0) return list(call);
    return show(call, await ask(call, "POST", "/admin/jobs", changeOf(call)));
  },
};

interface Run { readonly id: string; readonly job: string; readonly state: string; readonly attempts: number; readonly dueAt: string; readonly problem: { readonly code: string; readonly message: string } | null }

async function list(call: Call): Promise<number> {
  const query = new URLSearchParams();
  for (const name of ["state", "job", "limit", "after"]) if (call.flag(name) !== null) query.set(name, call.flag(name)!);
  const { runs, next } = await ask(call, "GET", `/admin/jobs?${query.toString()}`, null) as { runs: readonly Run[]; next: string | null };
  for (const run of runs) {
    call.output.object(run);
    call.output.say([run.id, run.state.padEnd(9), run.dueAt, `${run.job} (${run.attempts})`, run.problem === null ? "" : `${run.problem.code} ${run.problem.message}`].join("  ").trimEnd());
  }
  if (runs.length === 0) call.output.say("no runs");
  if (next !== null) {
    call.output.object({ next });
    call.output.say(`more: --after ${next}`);
  }
  return 0;
}

function show(call: Call, answer: unknown): number {
  call.output.object(answer);
  call.output.say(JSON.stringify(answer, null, 2));
  return 0;
}

function changeOf(call: Call): object {
  const [replay, cancel] = [call.flag("replay"), call.flag("cancel")];
  if (replay !== null) return { replay };
  if (cancel !== null) return { cancel };
  const input = call.flag("input");
  try {
    return { enqueue: call.flag("enqueue"), input: JSON.parse(input ?? "{}") as unknown };
  } catch {
    throw fault("USAGE", "--input is no JSON.", { fix: `ambit jobs --enqueue NAME --input '{"id": "x"}'` });
  }
}

function ask(call: Call, method: "GET" | "POST", path: string, body: object | null): Promise<unknown> {
  return askAdministrator(call, resolve(call.words[0] ?? "."), { method, path, ...(body === null ? {} : { body }) });
}
