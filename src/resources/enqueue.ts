// `ctx.enqueue`, `ctx.at` and `ctx.progress`: what code says is validated as the job declares it, and taken up with its commit.
import { dateTimeOf } from "../base/date-time.ts";
import { durationMs, parseDuration } from "../base/duration.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Job } from "../schema/catalog.ts";
import { coerceFields, type Issue } from "../schema/coerce-value.ts";
import type { Dialect } from "../schema/coerce-scalar.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { invalid } from "../tables/input-issue.ts";
import type { Body } from "./body.ts";
import { BodyConflict } from "./body-conflict.ts";
import { BodyMistake } from "./body-calls.ts";
import { rawInput } from "./code-input.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { JobOrder } from "./job-port.ts";

/** What code, or the administrator, asks for. `time`: of ctx.at. */
export interface Enqueueing { readonly job: unknown; readonly input: unknown; readonly options: unknown; readonly time?: unknown }

const PRIORITY_MAX = 1_000_000;
const KEY_LENGTH_MAX = 1_000;

export async function enqueue(body: Body, asked: Enqueueing): Promise<string> {
  const { core, caller } = body;
  const order = orderOf(core, asked, { dialect: "code", nowMs: body.nowMs });
  if (caller.from !== undefined) core.limiting.askJob(core.catalog.jobs.get(order.job)!, caller.from);
  for (;;) {
    const { id, isKnown, effect } = jobsOf(core).order({ ...order, identity: caller.identity });
    if (isKnown && !body.work.transactional) return id;
    try {
      await body.work.effect(effect);
      return id;
    } catch (error) {
      // Of a dedupe key that somebody else was quicker to use. A transaction as a whole runs again.
      if (!(error instanceof BodyConflict) || body.work.transactional) throw error;
    }
  }
}

export function jobsOf({ jobs }: DispatchCore): NonNullable<DispatchCore["jobs"]> {
  if (jobs === undefined) throw fault("UNAVAILABLE", "Nothing takes up jobs here.");
  return jobs;
}

/** Throws VALIDATION_FAILED, or NOT_FOUND for a job that is not declared. */
export function orderOf(core: DispatchCore, { job: name, input, options, time }: Enqueueing, { dialect, nowMs }: { readonly dialect: Dialect; readonly nowMs: number }): Omit<JobOrder, "identity"> {
  const job = typeof name === "string" ? core.catalog.jobs.get(name) : undefined;
  if (job === undefined) {
    const meant = didYouMean(String(name), core.catalog.jobs.keys());
    throw fault("NOT_FOUND", `There is no job ${String(name)}.`, meant === null ? {} : { fix: `Did you mean ${meant}?` });
  }
  const chosen = optionsOf(options, time !== undefined);
  const dueMs = time === undefined ? nowMs + chosen.delayMs : timeOf(time);
  return { job: job.name, input: wireInput(core, job, { input: input ?? {}, dialect }), dueMs, priority: chosen.priority, dedupe: chosen.dedupe, concurrency: chosen.concurrency };
}

function wireInput(core: DispatchCore, job: Job, { input, dialect }: { readonly input: unknown; readonly dialect: Dialect }): Json {
  const { catalog, limits } = core;
  const issues: Issue[] = [];
  const values = coerceFields(rawInput(input, `the job ${job.name}`), job.arguments, { catalog, dialect, path: "", limits }, issues);
  if (values === undefined) throw invalid(issues);
  const wire = Object.fromEntries([...job.arguments.values()].map(({ name, type }) => [name, toWireValue(values[name], type, catalog)]));
  const length = JSON.stringify(wire).length;
  if (length > limits.jobBytes) throw fault("VALIDATION_FAILED", `The input of a job has at most ${limits.jobBytes} characters as JSON, not ${length}.`, { fix: "Keep it in a record, and hand in its id." });
  return wire;
}

interface Options { readonly delayMs: number; readonly priority: number; readonly dedupe: string | null; readonly concurrency: string | null }

function optionsOf(given: unknown, hasTime: boolean): Options {
  const options = given === undefined || given === null ? {} : rawInput(given, "the options of a job");
  const unknown = Object.keys(options).find((name) => !["delay", "priority", "dedupe", "concurrency"].includes(name));
  if (unknown !== undefined) throw refused(unknown, "is no option: there are delay, priority, dedupe and concurrency");
  const { delay, priority = 0 } = options;
  if (hasTime && delay !== undefined) throw refused("delay", "does not go with a time");
  if (!Number.isInteger(priority) || Math.abs(priority as number) > PRIORITY_MAX) throw refused("priority", `must be a whole number within ${PRIORITY_MAX} of 0`);
  return { delayMs: delay === undefined ? 0 : delayOf(delay), priority: priority as number, dedupe: keyOf(options, "dedupe"), concurrency: keyOf(options, "concurrency") };
}

function keyOf(options: { readonly [name: string]: unknown }, name: "dedupe" | "concurrency"): string | null {
  const key = options[name] ?? null;
  if (key === null || (typeof key === "string" && key !== "" && key.length <= KEY_LENGTH_MAX && key.isWellFormed())) return key;
  throw refused(name, `must be text of 1 to ${KEY_LENGTH_MAX} characters`);
}

function delayOf(delay: unknown): number {
  const ms = typeof delay === "string" ? durationMs(parseDuration(delay) ?? "") : delay;
  if (typeof ms === "number" && ms >= 0 && Number.isSafeInteger(Math.round(ms))) return Math.round(ms);
  throw refused("delay", "must be milliseconds or an ISO 8601 duration, not below zero");
}

function timeOf(time: unknown): number {
  const ms = time instanceof Date ? time.getTime() : typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (Number.isFinite(ms) && dateTimeOf(ms).length === dateTimeOf(0).length) return ms;
  throw refused("time", "must be a Date, or a date and time with its zone");
}

function refused(where: string, what: string): Error {
  return fault("VALIDATION_FAILED", `${where} ${what}.`, { where });
}

export function tellProgress(body: Body, done: unknown, total: unknown): void {
  const { run } = body.caller;
  if (run === null) throw new BodyMistake("ctx.progress was called outside of a job.");
  if (!isAmount(done) || !(total === undefined || total === null || isAmount(total))) throw new TypeError("ctx.progress takes numbers that are not below zero.");
  run.progress(done, total ?? null);
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
