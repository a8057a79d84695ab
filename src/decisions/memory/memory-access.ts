// Memory beside runs: facts that services and app code post, and what is known of a record, now or at an earlier time. Who may post a predicate says
// its @allow; who may look says READ of the record, with `inspect` of a decision that remembers it.
import { fault } from "../../base/error.ts";
import type { Json, RecordValues } from "../../base/value.ts";
import { isTrue } from "../../expression/evaluate.ts";
import type { Callable, InputField } from "../../schema/catalog.ts";
import { coerceFields, type Issue } from "../../schema/coerce-value.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Body, Caller, Mode } from "../../resources/body.ts";
import type { RecallQuestion, RememberRequest } from "../../resources/decision-port.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { beside } from "../../resources/run-body.ts";
import { stateOf, type State } from "../../resources/work.ts";
import { readEpisodes, readFacts, type MemoryPlace, type MemoryRow } from "../../storage/memory-rows.ts";
import { notFound } from "../../tables/denial.ts";
import { invalid } from "../../tables/input-issue.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { keepMemory } from "./keep-memory.ts";
import { recordNamed, tenantOfMemory, timeOf } from "./recall.ts";
import { shownTyped } from "../policy/shown-value.ts";
import { isNobodys, textIn, type StagedFact } from "./remember.ts";

/** Of one record that is looked at. */
const EPISODES_MAX = 100;

/** Null: nothing that this caller may know of. */
export function recallRecord(core: DispatchCore, decisions: Iterable<CompiledDecision>, { about, asOf, mode }: RecallQuestion, caller: Caller): Json | null {
  const predicates = mode === "system" ? null : inspected(decisions, caller);
  const place = predicates !== null && predicates.length === 0 ? null : placeOf(core, { about, mode, caller, state: beside(core) });
  if (place === null) return null;
  const knownMs = asOf === null ? core.clock.now() : Date.parse(asOf);
  const { reader } = core.storage;
  return {
    about, asOf: timeOf(knownMs),
    facts: readFacts(reader, place, { predicates, knownMs, validMs: knownMs, sinceMs: null }).map((row) => ({
      predicate: row.predicate, value: JSON.parse(row.value) as Json, validFrom: timeOf(row.validFromMs), validTo: row.validToMs === null ? null : timeOf(row.validToMs),
      knownFrom: timeOf(row.knownFromMs), knownTo: row.knownToMs === null ? null : timeOf(row.knownToMs), episode: row.episode, ...originOf(row),
    })),
    episodes: readEpisodes(reader, place, { knownMs, sinceMs: null, limit: EPISODES_MAX }).map((row) => ({ id: row.id, time: timeOf(row.knownFromMs), what: JSON.parse(row.value) as Json, ...originOf(row) })),
  };
}

function originOf({ isUntrusted, run, actor }: MemoryRow): { readonly [name: string]: Json } {
  return { label: isUntrusted ? "UNTRUSTED" : null, run, by: actor };
}

/** Null: all. Predicates of decisions whose runs this caller may inspect. */
function inspected(decisions: Iterable<CompiledDecision>, { identity, rights }: Caller): string[] | null {
  if (rights.administrator) return null;
  const seen = [...decisions].filter(({ declaration: { inspect } }) => inspect.some((role) => identity.roles.includes(role)));
  return [...new Set(seen.flatMap(({ memories }) => memories.flatMap(({ declaration: { reads, writes } }) => [...reads, ...writes])))];
}

interface Place { readonly about: string; readonly mode: Mode; readonly caller: Caller; readonly state: State }

/** Null: there is no such record for them. */
function placeOf(core: DispatchCore, { about, mode, caller, state }: Place): MemoryPlace | null {
  const named = recordNamed(about, core.catalog);
  if (named === null) return null;
  const rights = mode === "system" ? caller.system : caller.rights;
  const stored = rights.permission(named.table.name, "READ") === false ? null : state.get(named.table.name, named.id);
  if (stored === null || core.views.of(named.table.name, rights, mode === "system" ? "code" : "wire").show({ rights, values: stored.values, now: state.now, source: state.source }) === null) return null;
  return { about, tenant: tenantOfMemory(about, caller, { get: (table, id) => state.get(table, id), catalog: core.catalog }) };
}

/** In the commit of the body. Throws what is refused. */
export async function postFacts(request: RememberRequest, body: Body): Promise<Json> {
  const { core, caller } = body;
  const place = placeOf(core, { about: request.about, mode: request.mode, caller, state: stateOf(body.work, body.now) });
  if (place === null) throw notFound(recordNamed(request.about, core.catalog)?.table.name ?? "record");
  const facts = readPosted(core, request);
  if (request.mode === "caller") for (const fact of facts) requirePost(fact, { core, caller, now: body.now });
  const isUntrusted = request.isUntrusted || (request.mode === "caller" && caller.identity.kind === "anonymous");
  const { subject } = caller.identity;
  const predicates = facts.map(({ predicate }) => predicate);
  await body.work.effect({
    store: ({ connection, now }) => keepMemory(connection, [place], facts, {
      run: null, actor: subject, isUntrusted, nowMs: Date.parse(now), episode: { posted: predicates }, rowsMax: core.limits.memoryRows, newId: () => Buffer.from(core.random.bytes(16)).toString("hex"),
    }),
    tell: () => core.embeddings?.remembered(),
  });
  return { about: request.about, remembered: predicates };
}

function readPosted({ catalog, limits }: DispatchCore, { about, facts, validFrom, validTo, isUntrusted, mode }: RememberRequest): StagedFact[] {
  const issues: Issue[] = [];
  const fields = new Map([...catalog.facts].flatMap(([name, { arguments: given }]): [string, InputField][] => [[name, { ...given.get("value")!, name }]]));
  const values: RecordValues | undefined = coerceFields(facts, fields, { catalog, dialect: mode === "system" ? "code" : "wire", path: "", limits }, issues);
  if (values === undefined) throw invalid(issues);
  const posted = [...fields.values()].filter(({ name }) => Object.hasOwn(facts, name)).map((field): StagedFact => {
    const value = toWireValue(values[field.name], field.type, catalog);
    return { about, predicate: field.name, value, text: textIn(shownTyped(value, field.type, catalog)), validFromMs: momentOf(validFrom), validToMs: momentOf(validTo), isUntrusted: isUntrusted || isNobodys(value, field, catalog) };
  });
  if (posted.length === 0 || posted.length > limits.memoryWrites) throw fault("VALIDATION_FAILED", `A request posts between 1 and ${limits.memoryWrites} facts.`);
  const large = posted.find(({ value }) => Buffer.byteLength(JSON.stringify(value)) > limits.memoryBytes);
  if (large !== undefined) throw invalid([{ path: large.predicate, code: "TOO_LONG", message: `${large.predicate} is larger than ${limits.memoryBytes} bytes.` }]);
  if (validFrom !== null && validTo !== null && validTo <= validFrom) throw invalid([{ path: "validTo", code: "OUT_OF_RANGE", message: "validTo comes before validFrom." }]);
  return posted;
}

function momentOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}

/** Throws UNAUTHENTICATED, FORBIDDEN. */
function requirePost({ about, predicate, value }: StagedFact, { core, caller: { rights }, now }: { readonly core: DispatchCore; readonly caller: Caller; readonly now: string }): void {
  const fact: Callable = core.catalog.facts.get(predicate)!;
  rights.requireCall(fact);
  const permission = rights.mayCall(fact);
  const variables = { auth: rights.auth, input: { about, value } as RecordValues };
  if (typeof permission !== "boolean" && !isTrue(permission, { rows: {}, variables, now, source: null }, core.book)) throw rights.callRefusal(fact);
}
