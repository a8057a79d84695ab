// The data of the app as they are, for what a model reads: under the caller's rights or the decision's own, and of the subject alone.
import { dateTimeOf } from "../../base/date-time.ts";
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { beside } from "../../resources/run-body.ts";
import { stateOf, type State, type Work } from "../../resources/work.ts";
import { readQuery, type Question } from "../context/gather.ts";
import { ofSubject } from "../context/of-subject.ts";
import type { ActData } from "./act.ts";

/** `own`: with the rights of `decision:NAME`. `noting`: what is read is noted there. */
export function liveData({ caller }: Pick<Question, "caller">, { own, noting }: { readonly own: () => Caller; readonly noting: Work | null }, core: DispatchCore): ActData {
  const state = (): State => (noting === null ? beside(core) : stateOf(noting, dateTimeOf(core.clock.now())));
  return {
    rows(read, { valueOf, about }) {
      const { rights } = read.as === "DECISION" ? own() : caller;
      if (rights.permission(read.query.table.name, "READ") === false) return null;
      const query = about === null ? read.query : ofSubject(read.query, about.table, core.catalog);
      return readQuery(query, { id: query.id === null ? null : valueOf(query.id), values: query.holes.map(valueOf), rights, subject: about?.id ?? null }, { state: state(), core });
    },
    record: (table, id) => beside(core).get(table, id)?.values ?? null,
  };
}
