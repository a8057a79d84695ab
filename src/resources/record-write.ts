// One write that app code or a client asked for, on every path: through the class's override where there is one, else straight on.
import type { Body } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { writeThrough, type Override, type Written } from "./record-override.ts";
import { straightWrite, type RecordWrite } from "./straight-write.ts";

/** Throws what the rules, the schema or the app's code refuse. */
export async function writeRecord(body: Body, request: RecordWrite): Promise<Written> {
  if (!hasOverride(body.core, request.write.table)) return { outcome: await straightWrite(body, request), answer: undefined };
  // The override and what it writes besides belong together.
  if (!body.work.transactional) return body.transact((inner) => writeRecord(inner, request));
  const override = overrideFor(body, request);
  return override === null ? { outcome: await straightWrite(body, request), answer: undefined } : writeThrough(body, request, override);
}

export function hasOverride(core: DispatchCore, table: string): boolean {
  const code = core.app.tables.get(table);
  return code !== undefined && (code.create !== null || code.update !== null || code.remove !== null);
}

/** Null: the class leaves this to the runtime. */
function overrideFor(body: Body, request: RecordWrite): Override | null {
  const { write, mode } = request;
  const code = body.core.app.tables.get(write.table)!;
  const target = targetOf(body, request);
  const run = target === null ? null : code[target.verb];
  if (target === null || run === null) return null;
  body.rights(mode).require(write.table, target.verb === "create" ? "CREATE" : target.verb === "update" ? "UPDATE" : "DELETE");
  return { code, run, ...target };
}

/** What the write comes down to. Null: it is refused or ignored, which the runtime says best. */
function targetOf(body: Body, { write, dialect, mode, sent }: RecordWrite): Pick<Override, "verb" | "id"> | null {
  switch (write.kind) {
    case "remove": return { verb: "remove", id: write.id };
    case "update": case "increment": return { verb: "update", id: write.id };
    case "replace": {
      if (body.work.get(write.table, write.id) === null) return { verb: "create", id: null };
      return body.seen(write.table, write.id, mode) === null ? null : { verb: "update", id: write.id };
    }
    case "create": {
      if (write.onConflict === null) return { verb: "create", id: null };
      const expected = body.work.preview(write, { dialect, authority: body.rights(mode).authority, sent });
      // What lacks a field that the override fills is refused here, and is new all the same.
      if (expected === null || expected.status === "created") return { verb: "create", id: null };
      return expected.status === "ignored" ? null : { verb: "update", id: expected.id };
    }
  }
}
