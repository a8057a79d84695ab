// What @on waits for: a record that enters a standing query. Told within the commit that changes the record, so the run that it brings about exists if
// and only if the change does. Runs nothing itself: the queue of jobs does.
import { decisionIdentity } from "../../access/identities.ts";
import { describeError } from "../../base/log.ts";
import { millisecondsOf } from "../../base/date-time.ts";
import type { RecordValues, Value } from "../../base/value.ts";
import type { Change } from "../../changes/change.ts";
import type { Environment, Expression } from "../../expression/expression.ts";
import { evaluate, isTrue } from "../../expression/evaluate.ts";
import { someIn } from "../../expression/inspect.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { BroughtAbout, CommitEffect } from "../../resources/job-port.ts";
import { jobsOf } from "../../resources/enqueue.ts";
import { jobOfDecision, type TriggeredInput } from "../../resources/triggered-decision.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { CommittedEntry } from "../../tables/engine.ts";
import type { CompiledDecision, CompiledTrigger } from "../policy/compiled-decision.ts";

interface Watched { readonly decision: CompiledDecision; readonly trigger: CompiledTrigger }

interface Event { readonly change: Change; readonly record: RecordValues; readonly position: number; readonly now: string; readonly depth: number }

/** For as long as these tables serve. */
export function watchChanges(decisions: Iterable<CompiledDecision>, core: DispatchCore): void {
  const byTable = Map.groupBy([...decisions].flatMap((decision) => decision.triggers.map((trigger): Watched => ({ decision, trigger }))), ({ trigger }) => trigger.table.name);
  if (byTable.size === 0) return;
  /** By the changes of a commit: what is told once it is durable. */
  const brought = new WeakMap<readonly Change[], readonly (() => void)[]>();
  core.tables.onCommitting(({ position, time, changes }, { connection, depth }) => {
    const tells: (() => void)[] = [];
    for (const { change, record, watched } of entering(changes, byTable, core)) {
      const effect = bringAbout(watched, { change, record, position, now: time, depth }, core);
      effect.store(connection, millisecondsOf(time));
      tells.push(effect.tell);
    }
    if (tells.length > 0) brought.set(changes, tells);
  });
  core.tables.onCommitted(({ changes }: CommittedEntry) => {
    for (const tell of brought.get(changes) ?? []) tell();
  });
}

function* entering(changes: readonly Change[], byTable: ReadonlyMap<string, readonly Watched[]>, core: DispatchCore): Iterable<{ readonly change: Change; readonly record: RecordValues; readonly watched: Watched }> {
  for (const change of changes) {
    const { old, new: record } = change;
    if (record === null) continue;
    for (const watched of byTable.get(change.table) ?? []) if (isIn(record, watched, core) && (old === null || !isIn(old, watched, core))) yield { change, record, watched };
  }
}

function isIn(record: RecordValues, { trigger: { filter } }: Watched, { book }: DispatchCore): boolean {
  return filter === null || isTrue(filter, environment({ record }, ""), book);
}

function environment(rows: Environment["rows"], now: string): Environment {
  return { rows, variables: {}, now, source: null };
}

const nothing: CommitEffect = { store() {}, tell() {} };

/** What cannot be worked out begins nothing, and refuses nobody's change. */
function bringAbout(watched: Watched, event: Event, core: DispatchCore): CommitEffect {
  const { decision: { name }, trigger: { table, when } } = watched;
  const about = { decision: name, record: `${table.name}:${String(event.change.id)}` };
  try {
    const at = environment({ record: event.record, previous: event.change.old }, event.now);
    if (when !== null && !isTrue(when, at, core.book)) return nothing;
    if (event.depth >= core.limits.triggerDepth) return { ...nothing, tell: () => core.log.error("trigger-depth", { ...about, depth: event.depth }) };
    return jobsOf(core).bringAbout(workOf(watched, { ...event, at }, core));
  } catch (error) {
    return { ...nothing, tell: () => core.log.error("trigger-failed", { ...about, cause: describeError(error) }) };
  }
}

function workOf({ decision, trigger }: Watched, { change, record, position, depth, at }: Event & { readonly at: Environment }, core: DispatchCore): BroughtAbout {
  const { name, declaration: { callable } } = decision;
  const { table } = trigger;
  const values = new Map([...trigger.input].map(([argument, expression]): [string, Value] => [argument, evaluate(expression, at, core.book)]));
  const input = Object.fromEntries([...values].map(([argument, value]) => [argument, toWireValue(value, callable.arguments.get(argument)!.type, core.catalog)]));
  const of = `${table.name}:${String(change.id)}`;
  const triggered: TriggeredInput = { input, key: `@on ${position} ${of}`, depth: depth + 1, isUntrusted: trigger.isUntrusted };
  const tenant = table.tenant === null ? null : record[table.tenant] ?? null;
  return {
    job: jobOfDecision(name), input: triggered, identity: decisionIdentity(name, typeof tenant === "string" ? tenant : null),
    fold: subjectOf(decision.subject, Object.fromEntries(values), { now: at.now, core }) ?? of,
  };
}

/** Null: it has none that the arguments alone tell. */
function subjectOf(subject: Expression | null, input: RecordValues, { now, core }: { readonly now: string; readonly core: DispatchCore }): string | null {
  if (subject === null || someIn(subject, (part) => part.op === "variable" && part.root !== "input")) return null;
  const value = evaluate(subject, { rows: {}, variables: { input }, now, source: null }, core.book);
  return typeof value === "string" ? value : null;
}
