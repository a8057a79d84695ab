// One step of an import, on the tables of a process: lines of NDJSON are looked at, or written in one commit. The same for the command on
// data at rest and for an app that runs, which is asked over its control socket: `POST /admin/import`.
import { AmbitError, fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Json, Value } from "../base/value.ts";
import { parseStrictJson } from "../interfaces/http/strict-json.ts";
import { appTable } from "../schema/account-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import { LONG_MAX } from "../schema/coerce-scalar.ts";
import { coerceText } from "../schema/coerce-text.ts";
import { reachSequences, type ImportedRow, type ImportMode, type ImportOutcome, type SequenceReach } from "../tables/import-records.ts";
import type { FileStore } from "../storage/file-store.ts";
import type { Tables } from "../tables/engine.ts";
import { fileFields, filesIn } from "../tables/record-files.ts";
import type { RawInput } from "../tables/write.ts";

/** A record as its line says it. */
export interface ImportLine {
  /** The type's name. */
  readonly table: string;
  readonly text: string;
}

export interface LineProblem {
  readonly code: string;
  readonly message: string;
  readonly details: Json;
}

/** `id` as text. */
export interface RecordKey { readonly table: string; readonly id: string }

/** Where lines go. Rejects with an AmbitError. */
export interface ImportTarget {
  /** For each line what is wrong with it by itself; null: nothing. */
  check(lines: readonly ImportLine[]): Promise<readonly (LineProblem | null)[]>;
  /** Those of the keys that no record has. */
  missing(keys: readonly RecordKey[]): Promise<readonly RecordKey[]>;
  /** In one commit, all or none but for those that are deferred. */
  write(lines: readonly ImportLine[], mode: ImportMode): Promise<readonly ImportOutcome[]>;
  reach(sequences: readonly SequenceReach[]): Promise<void>;
}

interface ImportParts {
  /** Where the contents of files are by then. */
  readonly files: Pick<FileStore, "has">;
  readonly tables: Tables;
  readonly catalog: Catalog;
  readonly limits: Limits;
}

const WHO = { actor: "import", requestId: "import" };

export function importTarget({ tables, catalog, limits, files }: ImportParts): ImportTarget {
  const read = ({ table, text }: ImportLine): ImportedRow => {
    if (appTable(catalog, table) === undefined) throw fault("VALIDATION_FAILED", `${table} is not a table.`);
    const input = parseStrictJson(text, limits.jsonDepth);
    if (typeof input !== "object" || input === null || Array.isArray(input)) throw fault("VALIDATION_FAILED", "The line is not a JSON object.");
    return { table, input: input as RawInput };
  };
  return {
    async check(lines) {
      const problems = tables.rehearse((session) => lines.map((line): LineProblem | null => {
        try {
          session.checkImported(read(line));
          return null;
        } catch (error) {
          if (!(error instanceof AmbitError)) throw error;
          return { code: error.code, message: error.message, details: error.extras.details ?? null };
        }
      }), WHO);
      for (const [index, line] of lines.entries()) problems[index] ??= await missingContent(read(line), catalog, files);
      return problems;
    },
    async missing(keys) {
      return keys.filter(({ table, id }) => {
        const type = catalog.tables.get(table)?.fields.get(catalog.tables.get(table)!.primaryKey)?.type;
        return type === undefined || tables.get(table, coerceText(id, type, catalog)) === null;
      });
    },
    async write(lines, mode) {
      const rows = lines.map(read);
      return (await tables.commit((session) => session.importRecords(rows, mode), WHO)).value;
    },
    async reach(sequences) {
      await tables.commit((session) => reachSequences(session.connection, sequences), WHO);
    },
  };
}

/** Of a row that is right by itself. */
async function missingContent({ table, input }: ImportedRow, catalog: Catalog, files: ImportParts["files"]): Promise<LineProblem | null> {
  for (const { name } of fileFields(catalog.tables.get(table)!)) {
    for (const { hash } of filesIn((input[name] ?? null) as Value)) {
      if (typeof hash === "string" && !await files.has(hash)) return { code: "VALIDATION_FAILED", message: `The content of ${name} is not there.`, details: [{ path: name, hash }] };
    }
  }
  return null;
}

export type ImportRequest =
  | { readonly action: "check"; readonly lines: readonly ImportLine[] }
  | { readonly action: "missing"; readonly keys: readonly RecordKey[] }
  | ({ readonly action: "write"; readonly lines: readonly ImportLine[] } & ImportMode)
  | { readonly action: "reach"; readonly sequences: readonly SequenceReach[] };

/** Throws MALFORMED_BODY. */
export async function answerImport(target: ImportTarget, body: unknown): Promise<object> {
  const { action, lines = [], keys = [], sequences = [], replace = false, loosen = false } = (body ?? {}) as {
    action?: unknown; lines?: readonly ImportLine[]; keys?: readonly RecordKey[]; sequences?: readonly SequenceReach[]; replace?: unknown; loosen?: unknown;
  };
  if (!isListOf(lines, ["table", "text"]) || !isListOf(sequences, ["name", "scope", "next"]) || !sequences.every(({ next }) => /^[0-9]{1,19}$/.test(next) && BigInt(next) <= LONG_MAX) || typeof replace !== "boolean" || typeof loosen !== "boolean" || !isListOf(keys, ["table", "id"])) throw malformed();
  switch (action) {
    case "check": return { problems: await target.check(lines) };
    case "missing": return { missing: await target.missing(keys) };
    case "write": return { outcomes: await target.write(lines, { replace, loosen }) };
    case "reach": await target.reach(sequences); return {};
    default: throw malformed();
  }
}

/** Asks an app that runs, through `send`. */
export function remoteTarget(send: (request: ImportRequest) => Promise<Json>): ImportTarget {
  return {
    check: async (lines) => (await send({ action: "check", lines }) as unknown as { problems: (LineProblem | null)[] }).problems,
    missing: async (keys) => (await send({ action: "missing", keys }) as unknown as { missing: RecordKey[] }).missing,
    write: async (lines, mode) => (await send({ action: "write", lines, ...mode }) as unknown as { outcomes: ImportOutcome[] }).outcomes,
    reach: async (sequences) => { await send({ action: "reach", sequences }); },
  };
}

function isListOf(list: unknown, texts: readonly string[]): boolean {
  return Array.isArray(list) && list.every((item) => typeof item === "object" && item !== null && texts.every((name) => typeof (item as Record<string, unknown>)[name] === "string"));
}

function malformed(): AmbitError {
  return fault("MALFORMED_BODY", "The body is not a step of an import.", { fix: "Use ambit import." });
}
