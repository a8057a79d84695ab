// A write to a record of a source: judged here on what is fresh, written there, then here. It is a flight like a fetch, so that who reads
// meanwhile waits for it. Before its source is called the record is marked as to be fetched: whatever fails then, it will be.
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Body } from "../resources/body.ts";
import { commitAs } from "../resources/commit-as.ts";
import { unwanted } from "../resources/direct-work.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { ownCopy } from "../resources/own-copy.ts";
import { pinned, type PinnedWrite } from "../resources/pinned-write.ts";
import { readsOnly } from "../resources/reading-work.ts";
import type { Sourced } from "../resources/source-port.ts";
import type { RecordWrite } from "../resources/straight-write.ts";
import type { Table } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { outdateFetches, removeFetch, writeFetch } from "../storage/source-rows.ts";
import type { Write, WriteOutcome } from "../tables/write.ts";
import { callSource, invalidAnswer } from "./call-source.ts";
import type { Flights } from "./flights.ts";
import { putRecord, type Kept } from "./keep-record.ts";
import { readAnswer, type Previous, type SourceAnswer } from "./source-answer.ts";

export interface ThroughParts {
  readonly flights: Flights<Kept>;
  nameOf(wanted: Sourced): string;
  /** Resolves once what is here is within its age, or known to be missing. */
  fresh(wanted: Sourced): Promise<void>;
  previous(wanted: Sourced): Previous | null;
  /** A record is here that its source knows. */
  wrote(wanted: Sourced): void;
}

export async function writeThrough(body: Body, request: RecordWrite, parts: ThroughParts): Promise<WriteOutcome> {
  const { caller } = body;
  const table = body.table(request.write.table);
  refuse(body, table, request.write);
  const pin = pinnedOf(body, request);
  const wanted: Sourced = { table, id: pin.id, confinement: caller.rights.confinement };
  const name = parts.nameOf(wanted);
  for (;;) {
    if (!pin.isMadeUp) await parts.fresh(wanted);
    if (!body.calls.isOpen) throw unwanted();
    const other = parts.flights.find(name);
    if (other === undefined) break;
    await other.end.catch(() => {});
  }
  const done: { outcome: WriteOutcome | null; failure: unknown } = { outcome: null, failure: null };
  const { end } = parts.flights.start(name, { table: table.name, key: String(wanted.id) }, async (isOvertaken) => {
    try {
      done.outcome = await carryOut(body, pin, { wanted, previous: parts.previous(wanted), isOvertaken, flights: parts.flights });
      return done.outcome.record === null ? "missing" : "kept";
    } catch (error) {
      done.failure = error;
      // Whoever waits fetches it.
      return "overtaken";
    }
  });
  await end;
  if (done.outcome === null) throw done.failure;
  parts.wrote(wanted);
  return done.outcome;
}

function refuse({ core, work, caller }: Body, table: Table, { kind }: Write): void {
  const { put, remove } = core.app.sources.get(table.name)!;
  if ((kind === "remove" ? remove : put) === null) {
    const allow = ["GET", "HEAD", ...(put === null ? [] : ["POST", "PUT", "PATCH"]), ...(remove === null ? [] : ["DELETE"]), "OPTIONS"].join(", ");
    throw fault("METHOD_NOT_ALLOWED", `The source of ${table.name} does not take this.`, { headers: { allow }, fix: `Give Sources.${table.name} a ${kind === "remove" ? "remove" : "put"}.` });
  }
  if (work.readsOnly === true) throw readsOnly("A write");
  if (!work.transactional) return;
  throw fault("EXTERNAL_IN_TRANSACTION", `${table.name} would have been written at its source inside the transaction of ${caller.label}.`, {
    fix: `Declare the callable with transaction: NONE. For what the source itself has told: ctx.sources.${table.name}.keep.`,
  });
}

interface KeyedWrite extends PinnedWrite { readonly id: Value; /** By chance: no source has a record of it. */ readonly isMadeUp: boolean }

/** What a create makes up, the key above all, is the same there and here. */
function pinnedOf(body: Body, { write, dialect, mode, sent }: RecordWrite): KeyedWrite {
  const options = { dialect, authority: body.rights(mode).authority, sent };
  if (write.kind !== "create") return { write, options, id: write.id, isMadeUp: false };
  const { catalog } = body.core;
  const { name, type, fill } = body.table(write.table).fields.get(body.table(write.table).primaryKey)!;
  const isMadeUp = write.input[name] === undefined && fill === null && (type.name === "ID" || type.name === "String");
  const outcome = foresee(body, { write, options });
  const pin = pinned(write, options, outcome, catalog);
  if (pin.write.kind !== "create") return { ...pin, id: outcome.id, isMadeUp };
  const input = { ...pin.write.input, [name]: pin.write.input[name] ?? (dialect === "wire" ? toWireValue(outcome.id, type, catalog) : outcome.id) };
  return { write: { ...pin.write, input }, options: pin.options, id: outcome.id, isMadeUp };
}

function foresee({ core, caller }: Body, { write, options }: PinnedWrite): WriteOutcome {
  return core.tables.rehearse((session) => session.write(write, options), commitAs(caller));
}

interface Carrying { readonly wanted: Sourced; readonly previous: Previous | null; readonly flights: Flights<Kept>; isOvertaken(): boolean }

async function carryOut(body: Body, pin: PinnedWrite, { wanted, previous, flights, isOvertaken }: Carrying): Promise<WriteOutcome> {
  const { core, caller } = body;
  const { table, id } = wanted;
  const foreseen = foresee(body, pin);
  if (foreseen.status === "ignored") return foreseen;
  const key = String(id);
  await core.tables.commit((session) => outdateFetches(session.connection, table.name, key), commitAs(caller));
  const code = core.app.sources.get(table.name)!;
  const record: RecordValues | null = foreseen.record === null ? null : ownCopy(foreseen.record);
  const value = await callSource(core, {
    caller, table: table.name, verb: record === null ? "remove" : "put",
    run: (ctx) => (record === null ? code.remove!.call(undefined, ctx, ownCopy(id), previous) : code.put!.call(undefined, ctx, ownCopy(id), record, previous)),
  });
  const told = toldBy(core, table, record === null ? undefined : value);
  const { value: outcome } = await core.tables.commit((session) => {
    const isOld = isOvertaken();
    // Whoever began to fetch or to write it meanwhile, because of what overtook this, may bring what was before it.
    flights.overtake(table.name, key);
    const done = session.write(withoutPrecondition(pin.write), pin.options);
    const final = told === null ? done : { ...done, record: putRecord(core, session, { table, id, input: told.input }).record };
    if (final.record === null) removeFetch(session.connection, table.name, key);
    else writeFetch(session.connection, table.name, key, { fetchedMs: isOld ? 0 : core.clock.now(), tag: told?.tag ?? null });
    return final;
  }, commitAs(caller));
  return outcome;
}

/** What the source made of the record; null: it took it as it was. */
function toldBy(core: DispatchCore, table: Table, value: unknown): Extract<SourceAnswer, { kind: "record" }> | null {
  if (value === undefined) return null;
  const answer = readAnswer(value, null);
  if (answer?.kind !== "record") throw invalidAnswer(core, table.name, new TypeError(`put answered ${value === null ? "null" : typeof value}`));
  return answer;
}

/** It was judged just before, on what nobody else changes meanwhile. */
function withoutPrecondition(write: Write): Write {
  return "precondition" in write ? { ...write, precondition: null } : write;
}
