// EVERY_INPUT: @retry stands in Jobs, @every in Jobs and Decisions, it and @on with `input` where an argument is required. ARGUMENT_VALUE:
// the schedule and its zone exist, the repetitions are not below none.
import { Cron } from "croner";
import { isZone } from "../../base/calendar-day.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, numberOf, textOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { removeNode } from "../schema-edits.ts";

/** A check gives the same answer whenever it runs. */
const FROM_MS = Date.UTC(2026, 0, 1);

export function jobSchedules(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => [
    ...usesOf(field, "retry").flatMap((use) => [...misplaced(field, use, ["jobs"], context), ...retryProblems(use, context)]),
    ...usesOf(field, "on").flatMap((use) => withoutInput(field, use, context)),
    ...usesOf(field, "every").flatMap((use) => [...misplaced(field, use, ["jobs", "decisions"], context), ...withoutInput(field, use, context), ...scheduleProblems(use, context)]),
  ]);
}

function misplaced(field: DeclaredField, use: DirectiveUse, owners: readonly string[], context: CompileContext): Diagnostic[] {
  if (field.kind === "callable" && owners.includes(field.owner.kind)) return [];
  return [diagnose(context, { code: "EVERY_INPUT", at: use.node, message: `@${use.name} stands on ${describeField(field)}.`, why: "Only work that runs in the background is repeated or scheduled.", fix: `Remove it, or move it to ${owners.length > 1 ? "Jobs or Decisions" : "Jobs"}.`, edits: [removeNode(context.source, use.node)] })];
}

function withoutInput(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  if (field.kind !== "callable" || argumentNode(use, "input") !== undefined) return [];
  const required = field.arguments.find((argument) => argument.type?.required === true && argument.node.kind === "InputValueDefinition" && argument.node.defaultValue === undefined);
  return required === undefined ? [] : [diagnose(context, { code: "EVERY_INPUT", at: use.node, message: `@${use.name} on ${describeField(field)} gives no ${required.name}.`, why: "Nobody else could give the required argument.", fix: "Add input, CEL to the arguments." })];
}

function retryProblems(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const times = numberOf(use, "times");
  if (times === undefined || times >= 0) return [];
  return [diagnose(context, { code: "ARGUMENT_VALUE", at: argumentNode(use, "times") ?? use.node, message: "@retry(times): it must not be negative.", why: "It counts repetitions after the first attempt.", fix: "Write 0 for none." })];
}

function scheduleProblems(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const [cron, zone] = [textOf(use, "cron"), textOf(use, "zone")];
  const wrong = (argument: string, message: string, fix: string): Diagnostic =>
    diagnose(context, { code: "ARGUMENT_VALUE", at: argumentNode(use, argument)?.value ?? use.node, message: `@every(${argument}): ${message}`, why: "A schedule that is no time would never come.", fix });
  if (zone !== undefined && !isZone(zone)) return [wrong("zone", `there is no time zone ${zone}.`, 'Write an IANA name such as "Europe/Berlin".')];
  const problem = cron === undefined ? null : cronProblem(cron);
  return problem === null ? [] : [wrong("cron", problem, 'Write five fields, minute hour day month weekday, such as "0 3 * * *", or six with seconds first.')];
}

/** Null: it is sound, and there is a time that it means. */
function cronProblem(pattern: string): string | null {
  const fields = pattern.trim().split(/\s+/).length;
  if (pattern.startsWith("@") || fields < 5 || fields > 6) return `it has ${fields} fields.`;
  try {
    return new Cron(pattern, { paused: true, timezone: "UTC" }).nextRun(new Date(FROM_MS)) === null ? "it means no time that is still to come." : null;
  } catch (error) {
    return `it is not understood: ${error instanceof Error ? error.message.replace(/^CronPattern: /, "") : "wrong"}.`;
  }
}
