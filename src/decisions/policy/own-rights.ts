// NOBODY_ALLOWED, as a warning: what a decision reads and writes under its own name (`as: DECISION`) it may. Else each run that does would fall back, and
// nobody would be told why.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { AllowRule, Table } from "../../schema/catalog.ts";
import type { CompiledDecision, CompiledWrite } from "./compiled-decision.ts";

export function ownRights({ name, declaration, reads, writes }: CompiledDecision): Diagnostic[] {
  const whom: readonly string[] = [`decision:${name}`, "public", "authenticated"];
  const allows = (rules: readonly AllowRule[], verb: AllowRule["do"][number]): boolean => rules.some(({ to, do: verbs }) => verbs.includes(verb) && to.some((role) => whom.includes(role)));
  const warn = (table: Table, what: string, doing: string): Diagnostic => ({
    code: "NOBODY_ALLOWED", severity: "warning", position: declaration.callable.position, message: `${name} ${doing} ${table.name} as decision:${name}, which may not ${what} there.`,
    why: "Under its own name it has the rights that @allow gives to that, and no others.", fix: `Add @allow(to: ["decision:${name}"], do: [${what}]) to ${table.name}.`, edits: [],
  });
  const missing = (table: Table, verbs: readonly AllowRule["do"][number][], doing: string): Diagnostic[] => verbs.filter((verb) => !allows(table.allow, verb)).map((verb) => warn(table, verb, doing));
  return [
    ...reads.filter((read) => read.as === "DECISION").flatMap(({ query: { table } }) => missing(table, ["READ"], "reads")),
    ...writes.filter((write) => write.declaration.as === "DECISION").flatMap((write) => missing(write.table, verbsOf(write), "writes")),
  ];
}

/** A record that may not be read is not there, for every verb; an action has an @allow of its own besides. */
function verbsOf({ verb, action }: CompiledWrite): readonly AllowRule["do"][number][] {
  switch (verb) {
    case "create": return ["CREATE"];
    case "update": case "increment": return ["READ", "UPDATE"];
    case "delete": return ["READ", "DELETE"];
    default: return action?.on === "RECORD" ? ["READ"] : [];
  }
}
