// What `keptWhen` looks at: the data of the moment that was agreed, where all that is asked keeps its history, else those of now.
import { dateTimeOf } from "../../base/date-time.ts";
import { AmbitError } from "../../base/error.ts";
import { asOfPlan } from "../../query/as-of.ts";
import { asOfEnvironment } from "../../resources/as-of.ts";
import { plansOn, type State } from "../../resources/work.ts";
import { readContext, type Reading } from "../context/gather.ts";
import type { CompiledContext } from "../policy/compiled-decision.ts";

/** Rows as `readContext` gives them. `dueMs` is over. */
export function foundAtDue(context: CompiledContext, dueMs: number, reading: Reading): ReturnType<typeof readContext> {
  const { source } = context;
  if (source.kind !== "query") return [];
  const { core: { catalog, clock, storage: { reader } }, state } = reading;
  const asof = { kind: "time", time: dateTimeOf(dueMs) } as const;
  try {
    const plan = asOfPlan(source.query.plan, asof, catalog);
    const then: State = { ...state, rows: (compiled, environment) => plansOn(reader).rows(compiled, asOfEnvironment({ catalog, clock, reader }, plan, asof, environment)) };
    return readContext({ ...context, source: { ...source, query: { ...source.query, plan } } }, { ...reading, state: then });
  } catch (error) {
    // NO_HISTORY, HISTORY_GONE, or what cannot be asked about an earlier moment.
    if (!(error instanceof AmbitError)) throw error;
    return readContext(context, reading);
  }
}
