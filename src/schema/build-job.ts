// Jobs of the Catalog: @retry and @every, with their defaults.
import { durationMs } from "../base/duration.ts";
import { resolveDuration } from "./argument-problems.ts";
import { commonParts } from "./build-callable.ts";
import { celOf } from "./build-rules.ts";
import type { Job, Schedule } from "./catalog.ts";
import type { CompileContext } from "./compile-context.ts";
import { isSet, numberOf, textOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "./declarations.ts";

export const defaultRetry: Job["retry"] = { times: 5, backoff: "EXPONENTIAL", delayMs: 1_000 };

export function buildJob(field: DeclaredField, context: CompileContext): Job {
  return {
    ...commonParts(field, context),
    kind: "job", table: null, on: "TABLE", transaction: "NONE", http: null,
    retry: retryOf(useOf(field, "retry"), context),
    schedules: usesOf(field, "every").filter((use) => use.values !== null).map((use) => scheduleOf(use, context)),
  };
}

function retryOf(use: DirectiveUse | undefined, context: CompileContext): Job["retry"] {
  const delay = resolveDuration(textOf(use, "delay") ?? "", context).text;
  return {
    times: numberOf(use, "times") ?? defaultRetry.times,
    backoff: textOf(use, "backoff") === "FIXED" ? "FIXED" : defaultRetry.backoff,
    delayMs: delay === null ? defaultRetry.delayMs : durationMs(delay),
  };
}

export function scheduleOf(use: DirectiveUse, context: CompileContext): Schedule {
  const overlap = textOf(use, "overlap");
  return {
    cron: textOf(use, "cron") ?? "", zone: textOf(use, "zone") ?? "UTC",
    overlap: overlap === "QUEUE" || overlap === "ALLOW" ? overlap : "SKIP",
    catchUp: isSet(use, "catchUp"), input: celOf(use, "input", context.source),
  };
}
