// One round of a negotiation as the run that answers in it meets it: what it is told, what the last offer held, and the offer that its end makes. Who
// may begin one, and when it is over, is decided elsewhere (negotiations.ts).
import { createHash } from "node:crypto";
import { millisecondsOf } from "../../base/date-time.ts";
import { uuidv7 } from "../../base/random.ts";
import type { Json, Value } from "../../base/value.ts";
import { fromWireValue, toWireValue } from "../../schema/wire-value.ts";
import type { TypeRef } from "../../schema/catalog.ts";
import type { Body } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import { addOffer, dropHolds, moveNegotiation, offersOf, type NegotiationRow, type OfferRow } from "../../storage/negotiation-rows.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { Answered, Negotiating } from "../context/gather.ts";
import { shownTyped } from "../policy/shown-value.ts";
import { applyEffect } from "../effects/apply-effect.ts";
import type { CompiledDecision, CompiledTarget } from "../policy/compiled-decision.ts";
import { isAnswered } from "../run/ending.ts";

/** What the other party wants instead. */
export interface Counter {
  /** By field of the terms, as over the wire; of a single value that. */
  readonly terms: Json;
  readonly message: string | null;
  readonly isUntrusted: boolean;
}

export interface Hold { readonly operation: string; readonly id: Json; readonly args: { readonly [name: string]: Json } }

export function negotiatingIn(row: NegotiationRow, run: string, decision: CompiledDecision, core: DispatchCore): Negotiating {
  const { callable: { result }, negotiates } = decision.declaration;
  const { reader } = core.storage;
  const offers = offersOf(reader, row.id);
  const given = offers.map(({ terms }) => JSON.parse(terms) as Json);
  const counter = row.counter === null ? null : JSON.parse(row.counter) as Counter;
  const said = { round: row.round, rounds: negotiates?.rounds ?? 0, message: counter?.message ?? null };
  return {
    id: row.id, shown: { ...said, given: given.map((terms) => shownTyped(terms, result, decision.catalog)), counter: counter === null ? null : shownTyped(counter.terms, result, decision.catalog) }, isUntrusted: counter?.isUntrusted === true,
    value: { ...said, given: given.map((terms) => fromWireValue(terms, result, decision.catalog)), counter: counter === null ? null : counterValue(counter.terms, decision) },
    async release(body) {
      for (const offer of offers) if (offer.isHeld && offer.state !== "OPEN") await applyHolds(offer, "release", { decision, body });
    },
    offered: (session, ending) => makeOffer(session, ending, { row, run, decision, core, offers }),
  };
}

function counterValue(terms: Json, { declaration: { callable: { result } }, catalog }: CompiledDecision): Value {
  const fields = catalog.objects.get(result.name)?.fields;
  if (result.kind !== "object" || fields === undefined) return fromWireValue(terms, { ...result, required: false }, catalog);
  const given = terms as { readonly [name: string]: Json };
  return Object.fromEntries([...fields].map(([name, { type }]) => [name, fromWireValue(given[name] ?? null, { ...type, required: false }, catalog)]));
}

interface Offering { readonly row: NegotiationRow; readonly run: string; readonly decision: CompiledDecision; readonly core: DispatchCore; readonly offers: readonly OfferRow[] }

/** The run's end in this round: an offer that binds, or none. */
function makeOffer({ connection, now }: WriteSession, { state, output, effects }: Answered, { row, run, decision, core, offers }: Offering): void {
  const movedMs = millisecondsOf(now);
  const { negotiates, callable: { result } } = decision.declaration;
  const isOffer = isAnswered(state) && output !== undefined && negotiates !== null;
  // Nobody waits for a round that is somebody else's by now.
  if (!moveNegotiation(connection, row.id, { state: isOffer ? "OPEN" : "DECLINED", pending: run, movedMs }) || !isOffer) return;
  for (const { id, isHeld } of offers) if (isHeld) dropHolds(connection, id);
  const id = uuidv7(core.clock, core.random);
  const terms = toWireValue(output, { ...result, required: false }, decision.catalog);
  const untilMs = movedMs + negotiates.offerTtlMs;
  const holds = effects.map(({ operation, id: held, args }): Hold => ({ operation, id: held, args: args as Hold["args"] }));
  addOffer(connection, { id, negotiation: row.id, round: row.round, run, terms: JSON.stringify(terms), hash: offerHash({ id, terms, untilMs }), untilMs, holds: JSON.stringify(holds), isHeld: holds.length > 0 });
}

/** Hex: what an acceptance names. */
export function offerHash(offer: { readonly id: string; readonly terms: Json; readonly untilMs: number }): string {
  return createHash("sha256").update(canonicalJson({ ...offer })).digest("hex");
}

/** What an offer holds is set free, or made final: in the transaction of `body`, with the author's authority, since the offer was bound so. */
export async function applyHolds({ holds }: Pick<OfferRow, "holds">, how: "release" | "convert", { decision, body }: { readonly decision: CompiledDecision; readonly body: Body }): Promise<void> {
  for (const hold of JSON.parse(holds) as readonly Hold[]) {
    const write = decision.writes.find(({ table, verb }) => `${table.name}.${verb}` === hold.operation);
    const target = write?.[how] ?? null;
    if (target === null) continue;
    const args: { [name: string]: Json } = { ...hold.args, id: hold.id };
    // What was taken is given back.
    if (how === "release" && target.verb === "increment" && write?.verb === "increment") args["by"] = -Number(args["by"]);
    await applyTarget(target, args, { decision, body });
  }
}

/** An operation with whatever of these it takes, by name. */
export async function applyTarget(target: CompiledTarget, given: { readonly [name: string]: Json }, { decision: { catalog }, body }: { readonly decision: Pick<CompiledDecision, "catalog">; readonly body: Body }): Promise<void> {
  const { table, action, verb } = target;
  const fields = [...table.fields].flatMap(([name, field]): [string, TypeRef][] => (field.kind === "stored" && field.fill === null ? [[name, field.type]] : []));
  const types = new Map<string, TypeRef>(action === null ? fields : [...action.arguments].map(([name, { type }]): [string, TypeRef] => [name, type]));
  const isNew = verb === "create" || action?.on === "TABLE";
  if (!isNew) types.set("id", table.fields.get(table.primaryKey)!.type);
  else if (action === null) types.delete(table.primaryKey);
  const args: Record<string, Value> = Object.fromEntries([...types].flatMap(([name, type]) => (name in given ? [[name, fromWireValue(given[name]!, { ...type, required: false }, catalog)]] : [])));
  if (verb === "increment" && action === null) Object.assign(args, { field: given["field"], by: given["by"] });
  const taken = verb === "delete" || (verb === "increment" && action === null) ? Object.fromEntries(Object.entries(args).filter(([name]) => ["id", "field", "by"].includes(name))) : args;
  await applyEffect(body, { effect: { table, action, verb, set: new Map() }, args: taken, mode: "system" });
}
