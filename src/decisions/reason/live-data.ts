// The data of the app as they are, for what a model reads: under the caller's rights or the decision's own, and of the subject alone.
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { beside } from "../../resources/run-body.ts";
import { readQuery, type Question } from "../context/gather.ts";
import { ofSubject } from "../context/of-subject.ts";
import type { ActData } from "./act.ts";

/** `own`: with the rights of `decision:NAME`. */
export function liveData({ caller }: Pick<Question, "caller">, own: () => Caller, core: DispatchCore): ActData {
  return {
    rows(read, { valueOf, about }) {
      const { rights } = read.as === "DECISION" ? own() : caller;
      if (rights.permission(read.query.table.name, "READ") === false) return null;
      const query = about === null ? read.query : ofSubject(read.query, about.table, core.catalog);
      return readQuery(query, { id: query.id === null ? null : valueOf(query.id), values: query.holes.map(valueOf), rights, subject: about?.id ?? null }, { state: beside(core), core });
    },
    record: (table, id) => beside(core).get(table, id)?.values ?? null,
  };
}
