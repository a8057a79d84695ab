// What decisions keep of somebody, for `forget`: runs that they asked, that are about them or have read their records, with whoever asked those runs and
// was asked by them; negotiations of theirs and about them; and what is remembered of them. The audit log stays, and verifies.
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { erasedAnswer, type Erasing, type Forgettable } from "../../resources/forgettable.ts";
import { eraseApprover } from "../../storage/approval-rows.ts";
import { readRun, rootOf, runsAbout, runsThatRead, treeOf } from "../../storage/decision-rows.ts";
import { eraseAnswersNaming } from "../../storage/forget-rows.ts";
import { forgetActor, forgetMemories } from "../../storage/memory-rows.ts";
import { eraseNegotiation, isNegotiationLive, negotiationsAbout } from "../../storage/negotiation-rows.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { cancelRun } from "./cancel-runs.ts";
import { eraseRuns } from "./erase-run.ts";

type Erased = ReturnType<Forgettable["erase"]>;

export function forgettableDecisions(core: DispatchCore, decisions: readonly CompiledDecision[]): readonly Forgettable[] {
  return [
    // Before the runs, by which it is known what they are about.
    { name: "negotiations", erase: (erasing) => eraseNegotiations(core, decisions, erasing) },
    { name: "runs", erase: (erasing) => eraseTheirs(core, decisions, erasing) },
    {
      name: "memory",
      erase({ connection, person, tenant, names }) {
        const erased = forgetMemories(connection, { tenant, abouts: names, runs: [] });
        if (person !== null) forgetActor(connection, { tenant, actor: person });
        return { erased, left: 0 };
      },
    },
  ];
}

/** What somebody else has begun about them stands while it binds. */
function eraseNegotiations(core: DispatchCore, decisions: readonly CompiledDecision[], erasing: Erasing): Erased {
  const { connection, person, tenant, now } = erasing;
  cancelWaiting(core, decisions, erasing);
  let [erased, left] = [0, 0];
  for (const { id, isTheirs, isDeciding } of negotiationsAbout(connection, { person, tenant, runs: runsOf(decisions, erasing) })) {
    const isOver = !isDeciding && (isTheirs || !isNegotiationLive(connection, id)) && eraseNegotiation(connection, id, Date.parse(now));
    if (isOver) eraseAnswersNaming(connection, [id], erasedAnswer());
    if (isOver) erased++;
    else left++;
  }
  return { erased, left };
}

/** Nobody is asked any more about what is forgotten: it ends, a round with its negotiation, and goes with the rest. */
function cancelWaiting(core: DispatchCore, decisions: readonly CompiledDecision[], erasing: Erasing): void {
  const { connection, person, tenant } = erasing;
  for (const root of rootsOf(decisions, erasing)) {
    const waiting = treeOf(connection, readRun(connection, root)!).filter(({ state }) => state === "AWAITING_APPROVAL");
    const bindsOthers = waiting.length > 0 && negotiationsAbout(connection, { person, tenant, runs: [root] }).some(({ id, isTheirs }) => !isTheirs && isNegotiationLive(connection, id));
    if (!bindsOthers) for (const row of waiting) cancelRun(connection, row, { core, decision: decisions.find(({ name }) => name === row.name) ?? null });
  }
}

function eraseTheirs({ random }: DispatchCore, decisions: readonly CompiledDecision[], erasing: Erasing): Erased {
  const { connection, person, tenant, now } = erasing;
  const roots = rootsOf(decisions, erasing);
  if (person !== null) eraseApprover(connection, person, tenant);
  let [erased, left] = [0, 0];
  for (const root of roots) {
    const isBinding = negotiationsAbout(connection, { person: null, tenant, runs: [root] }).some(({ id }) => isNegotiationLive(connection, id));
    const gone = isBinding ? null : eraseRuns(connection, root, { timeMs: Date.parse(now), random });
    if (gone === null) left++;
    else erased += gone.length;
  }
  return { erased, left };
}

function rootsOf(decisions: readonly CompiledDecision[], erasing: Erasing): ReadonlySet<string> {
  return new Set(runsOf(decisions, erasing).map((id) => rootOf(erasing.connection, id)));
}

/** That they asked, that are about them or have read their records. */
function runsOf(decisions: readonly CompiledDecision[], { connection, person, tenant, names, records }: Erasing): readonly string[] {
  const reading = decisions.flatMap((decision) => decision.contexts.flatMap(({ declaration, source }) => {
    const keys = source.kind === "query" ? records.filter(({ table }) => table.name === source.query.table.name) : [];
    return keys.length === 0 || source.kind !== "query" ? [] : runsThatRead(connection, { decision: decision.name, context: declaration.name, field: source.query.table.primaryKey, keys: keys.map(({ key }) => key), tenant });
  }));
  return [...runsAbout(connection, { person, subjects: names, tenant }), ...reading];
}
