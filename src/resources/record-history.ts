// The history of one record: what happened to it, newest first, each version as the caller may see it today. Read from former versions and
// the record that stands; nothing is kept here.
import type { Identity } from "../access/identity.ts";
import type { Rights } from "../access/rights.ts";
import { equalValues } from "../base/equal-values.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Json, RecordValues, Value } from "../base/value.ts";
import { positionText, readPosition } from "../changes/wire-position.ts";
import type { Table } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { readEpoch } from "../storage/epoch.ts";
import { formerVersions, writtenAt, type VersionEnd } from "../storage/former-versions.ts";
import { readHistoryStart, type HistoryStart } from "../storage/history-tables.ts";
import { readMoment, type Coming, type Moment } from "../storage/moments.ts";
import { notFound } from "../tables/denial.ts";
import type { StoredRecord } from "../tables/write.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { OperationBody, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";

type HistoryBody = Extract<OperationBody, { kind: "history" }>;

/** One version: what stood from position `from` on, and how it ended; null: it stands. */
interface Version {
  readonly values: RecordValues;
  readonly from: number;
  readonly end: VersionEnd | null;
}

/** Versions in memory at once. */
const CHUNK_VERSIONS = 20;
/** Of limits.answerBytes: as much as a page tells before it ends. */
const PAGE_SHARE = 16;

export function readHistory(core: DispatchCore, { table: name, id, limit, after }: HistoryBody, { rights, identity }: { readonly rights: Rights; readonly identity: Identity }): Result {
  rights.require(name, "READ");
  const table = core.catalog.tables.get(name)!;
  const reader = core.storage.reader;
  const start = readHistoryStart(reader, table.sqlName);
  if (table.historyMs === null || start === null) throw notFound(name);
  const epoch = readEpoch(reader);
  const before = after === null ? Number.MAX_SAFE_INTEGER : cursorPosition(after, epoch);
  const oldest = dateTimeOf(core.clock.now() - table.historyMs);
  const { entries, next } = entriesOf({ core, table, rights, identity, epoch, start, oldest }, versionsBefore(core, table, id, before), { before, limit });
  if (entries.length === 0 && after === null) throw notFound(name);
  return { ...nothing, body: entries, range: { offset: 0, rows: entries.length, total: null }, nextCursor: next === null ? null : positionText(epoch, next) };
}

function cursorPosition(text: string, epoch: string): number {
  const found = readPosition(text);
  if (found === null || found.epoch !== epoch) throw fault("MALFORMED_QUERY", "The cursor is none of this history.", { where: "after", fix: "Begin again without after." });
  return found.position;
}

/** Newest first, read some at a time. */
function* versionsBefore(core: DispatchCore, table: Table, id: Value, before: number): Generator<Version, null> {
  const stands: StoredRecord | null = core.tables.get(table.name, id);
  if (stands !== null && writtenAt(stands) < before) yield { values: stands.values, from: writtenAt(stands), end: null };
  for (let next = before; ;) {
    const former = formerVersions(table, core.catalog).ofRecord(core.storage.reader, id, { before: next, limit: CHUNK_VERSIONS });
    for (const { row, until, ended, ending } of former) yield { values: row.values, from: writtenAt(row), end: { until, ended, ending } };
    if (former.length < CHUNK_VERSIONS) return null;
    next = writtenAt(former.at(-1)!.row);
  }
}

interface Telling {
  readonly core: DispatchCore;
  readonly table: Table;
  readonly rights: Rights;
  readonly identity: Identity;
  readonly epoch: string;
  readonly start: HistoryStart;
  /** What ended before is not kept. */
  readonly oldest: string;
}

interface Told { readonly position: number; readonly entry: Json }

/** What happened at one position stays on one page. A page ends early where it has looked at enough, or told enough. */
function entriesOf(telling: Telling, versions: Generator<Version, null>, page: { readonly before: number; readonly limit: number }): { entries: Json[]; next: number | null } {
  const { historyVersions, answerBytes } = telling.core.limits;
  const entries: Json[] = [];
  let last: number | null = null;
  let bytes = 0;
  let version = versions.next().value;
  for (let looked = 1; version !== null; looked++) {
    const before: Version | null = versions.next().value;
    for (const { position, entry } of happenings(telling, version, before)) {
      if (position >= page.before) continue;
      if (entries.length >= page.limit && position !== last) return { entries, next: last };
      entries.push(entry);
      last = position;
      bytes += JSON.stringify(entry).length;
    }
    if (before !== null && (looked === historyVersions || bytes > answerBytes / PAGE_SHARE)) return { entries, next: version.from };
    version = before;
  }
  return { entries, next: null };
}

/** How the version ended, unless by the next one, then how it began. Nothing where the caller may not see it. */
function happenings(telling: Telling, version: Version, before: Version | null): Told[] {
  const shown = show(telling, version.values);
  if (shown === null) return [];
  const told: Told[] = [];
  const { end, from } = version;
  if (end !== null && end.ending !== "update") {
    const cause = end.ending === "delete" ? "write" : end.ending;
    told.push({ position: end.until, entry: { ...who(telling, end.until, end.ended), cause, change: "deleted", changes: {} } });
  }
  const moment = readMoment(telling.core.storage.reader, from);
  const coming = comingOf(telling.table, version, moment);
  const change = changeOf(telling, { version, before, moment, restored: coming === "restored" });
  const previous = change === "created" || before === null ? null : { values: show(telling, before.values) };
  // Of the oldest that is kept it is not known what it was before, so neither what changed.
  const causes = moment?.causes[telling.table.name] ?? {};
  const changes = change === null ? {} : changesBetween(telling, previous === null ? null : { ...previous, unknown: isWholeTable(causes) ? causes : [] }, shown);
  const cause = moment === null ? null : coming === null || coming === "restored" ? "write" : coming;
  // A change of the schema that this caller sees nothing of is none to them.
  if (coming === "migration" && change === "updated" && Object.keys(changes as object).length === 0) return told;
  told.push({ position: from, entry: { ...who(telling, from, moment?.time ?? null), cause, change, changes } });
  return told;
}

function isWholeTable(causes: Moment["causes"][string]): causes is readonly string[] {
  return Array.isArray(causes);
}

function comingOf(table: Table, { values }: Version, moment: Moment | null): Coming | null {
  const causes = moment?.causes[table.name] ?? null;
  if (causes === null) return null;
  return isWholeTable(causes) ? "migration" : causes[String(values[table.primaryKey])] ?? null;
}

/** Null: not known any more. */
function changeOf({ start, oldest }: Telling, of: { readonly version: Version; readonly before: Version | null; readonly moment: Moment | null; readonly restored: boolean }): "created" | "updated" | "restored" | null {
  if (of.restored) return "restored";
  if (of.before !== null) return of.before.end?.until === of.version.from && of.before.end.ending === "update" ? "updated" : "created";
  return of.version.from > start.position && of.moment !== null && of.moment.time >= oldest ? "created" : null;
}

function who({ rights, identity, epoch, core }: Telling, position: number, time: string | null): { [name: string]: Json } {
  const actor = readMoment(core.storage.reader, position)?.actor ?? null;
  // Who did it is told to themselves, and to the administrator.
  const known = rights.administrator || (identity.subject !== null && actor === identity.subject);
  return { position: positionText(epoch, position), time, actor: known ? actor : null };
}

function show({ core, table, rights }: Telling, values: RecordValues): RecordValues | null {
  return core.views.of(table.name, rights, "wire").show({ rights, values, now: dateTimeOf(core.clock.now()), source: core.tables.source });
}

/** Its values are null where the caller may not see it. `unknown`: fields of which it does not hold what they were. */
interface Previous { readonly values: RecordValues | null; readonly unknown: readonly string[] }

/** Of stored fields. `before`: null where there was no version. */
function changesBetween({ table, core }: Telling, before: Previous | null, to: RecordValues): Json {
  const changes = Object.create(null) as { [field: string]: Json };
  const wire = (name: string, value: Value): Json => {
    const field = table.fields.get(name);
    return field === undefined ? value as Json : toWireValue(value, field.type, core.catalog);
  };
  const from = before?.values ?? null;
  for (const name of new Set([...Object.keys(to), ...(table.open ? Object.keys(from ?? {}) : [])])) {
    const kind = table.fields.get(name)?.kind;
    if (kind === "computed" || kind === "relation") continue;
    const after = to[name] ?? null;
    const old = from?.[name] ?? null;
    // What is hidden may have been anything: that it was the same would tell it.
    const hidden = before !== null && (from === null || before.unknown.includes(name) || (kind === "stored" && !Object.hasOwn(from, name)));
    if (hidden) changes[name] = { to: wire(name, after) };
    else if (!equalValues(old, after)) changes[name] = { from: wire(name, old), to: wire(name, after) };
  }
  return changes;
}
