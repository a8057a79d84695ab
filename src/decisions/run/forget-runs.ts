// What decisions keep of somebody, for `forget`: runs that they asked, that are about them or have read their records, with whoever asked those runs and
// was asked by them; and what is remembered of them. The audit log stays, and verifies.
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Erasing, Forgettable } from "../../resources/forgettable.ts";
import { eraseApprover } from "../../storage/approval-rows.ts";
import { rootOf, runsAbout, runsThatRead } from "../../storage/decision-rows.ts";
import { forgetActor, forgetMemories } from "../../storage/memory-rows.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { eraseRuns } from "./erase-run.ts";

export function forgettableDecisions(core: DispatchCore, decisions: readonly CompiledDecision[]): readonly Forgettable[] {
  return [
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

function eraseTheirs({ random }: DispatchCore, decisions: readonly CompiledDecision[], { connection, person, tenant, names, records, now }: Erasing): { readonly erased: number; readonly left: number } {
  const about = runsAbout(connection, { person, subjects: names, tenant });
  const reading = decisions.flatMap((decision) => decision.contexts.flatMap(({ declaration, source }) => {
    const keys = source.kind === "query" ? records.filter(({ table }) => table.name === source.query.table.name) : [];
    return keys.length === 0 || source.kind !== "query" ? [] : runsThatRead(connection, { decision: decision.name, context: declaration.name, field: source.query.table.primaryKey, keys: keys.map(({ key }) => key), tenant });
  }));
  const roots = new Set([...about, ...reading].map((id) => rootOf(connection, id)));
  if (person !== null) eraseApprover(connection, person, tenant);
  let [erased, left] = [0, 0];
  for (const root of roots) {
    const gone = eraseRuns(connection, root, { timeMs: Date.parse(now), random });
    if (gone === null) left++;
    else erased += gone.length;
  }
  return { erased, left };
}
