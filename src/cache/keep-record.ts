// Writes what a source answered into its table, and that it was fetched: in one commit, unless something overtook it.
import { AmbitError, fault } from "../base/error.ts";
import type { RecordValues } from "../base/value.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import type { Sourced } from "../resources/source-port.ts";
import { isCatalogChanged } from "../storage/catalog-changed.ts";
import { removeFetch, writeFetch } from "../storage/source-rows.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { RawInput, WriteOptions, WriteOutcome } from "../tables/write.ts";
import { invalidAnswer } from "./call-source.ts";
import type { SourceAnswer } from "./source-answer.ts";

/** The app's own source says what the record is: no rules, and fields that only code sets are its to set. */
const WITHOUT_RULES: WriteOptions = { dialect: "code", authority: null, sent: null };

export interface Keeping extends Sourced {
  readonly requestId: string;
  readonly answer: SourceAnswer;
  /** When its source was asked. */
  readonly fetchedMs: number;
  /** The tag that it has so far, for one that is as it was. */
  readonly tag: string | null;
  isOvertaken(): boolean;
}

/** overtaken: what is here may be newer. missing: there is none at the source, and none here any more. */
export type Kept = "kept" | "missing" | "overtaken";

/** Throws SOURCE_INVALID. */
export async function keepAnswer(core: DispatchCore, keeping: Keeping): Promise<Kept> {
  const { table, confinement, requestId } = keeping;
  try {
    const { value } = await core.tables.commit((session) => keepIn(core, session, keeping), { actor: null, requestId, confinement });
    return value;
  } catch (error) {
    throw error instanceof AmbitError && error.status < 500 && !isCatalogChanged(error) ? invalidAnswer(core, table.name, error) : error;
  }
}

function keepIn(core: DispatchCore, session: WriteSession, { table, id, answer, fetchedMs, tag, isOvertaken }: Keeping): Kept {
  if (isOvertaken()) return "overtaken";
  const here = session.get(table.name, id);
  const key = String(id);
  switch (answer.kind) {
    case "missing":
      if (here !== null) session.write({ kind: "remove", table: table.name, id, precondition: null }, WITHOUT_RULES);
      removeFetch(session.connection, table.name, key);
      return "missing";
    case "unchanged":
      if (here === null) return "overtaken";
      writeFetch(session.connection, table.name, key, { fetchedMs, tag });
      return "kept";
    case "record":
      putRecord(core, session, { table, id, input: answer.input });
      writeFetch(session.connection, table.name, key, { fetchedMs, tag: answer.tag });
      return "kept";
  }
}

/** Throws VALIDATION_FAILED and its like. */
export function putRecord(core: DispatchCore, session: WriteSession, { table, id, input }: Pick<Sourced, "table" | "id"> & { readonly input: RawInput }): WriteOutcome {
  const outcome = session.write({ kind: "replace", table: table.name, id, input, precondition: null }, WITHOUT_RULES);
  if (outcome.record !== null && bytesOf(outcome.record) > core.limits.sourceBytes) {
    throw fault("VALIDATION_FAILED", `A record of ${table.name} is longer than ${core.limits.sourceBytes} bytes.`);
  }
  return outcome;
}

function bytesOf(record: RecordValues): number {
  return Buffer.byteLength(JSON.stringify(record, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
}
