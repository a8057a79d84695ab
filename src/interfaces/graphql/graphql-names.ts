// What types and root fields are called in /graphql. Worked out over the whole Catalog, so that names are the same for every caller and
// tell nothing of what a caller cannot see. A name that is taken gets a `_` at its end.
import type { Callable, Catalog, Table } from "../../schema/catalog.ts";
import { scalarNames } from "../../schema/scalar-names.ts";

const suffixes = ["Filter", "Order", "RelatedOrder", "Page", "Aggregate", "Group", "Sum", "Average", "Least", "Greatest", "Input", "Patch", "Unique", "Written", "Event", "Change", "AggregateEvent"] as const;
export type TypeSuffix = (typeof suffixes)[number];

/** What one table is asked for and written by. */
export interface TableNames {
  readonly one: string;
  readonly list: string;
  readonly aggregate: string;
  readonly history: string;
  readonly create: string;
  readonly createList: string;
  readonly upsert: string;
  readonly update: string;
  readonly updateList: string;
  readonly replace: string;
  readonly remove: string;
  readonly removeList: string;
  readonly restore: string;
  /** Of its actions, by their names. */
  readonly actions: ReadonlyMap<string, string>;
  /** Of its relations to many: the field that aggregates them, by the relation's name. */
  readonly aggregates: ReadonlyMap<string, string>;
  /** In the filter, beside the fields. */
  readonly and: string;
  readonly or: string;
  readonly not: string;
}

export interface ChannelNames {
  readonly event: string;
  readonly input: string;
  /** In Subscription; no field of Query has this name. */
  readonly follow: string;
  readonly publish: string;
}

export interface GraphqlNames {
  channel(name: string): ChannelNames;
  /** Of a type that is made for a table. */
  tableType(table: string, suffix: TypeSuffix): string;
  table(name: string): TableNames;
  /** Of a scalar, enum or nested object; of a list of them. */
  filter(type: string, list: boolean): string;
  /** Of a nested object, as it is sent. */
  input(type: string): string;
  endpoint(name: string): string;
  endpointPage(callable: Callable): string;
  /** The mutation that asks a decision, and the type of what it answers. */
  decision(name: string): string;
  decided(name: string): string;
  /** Of a field that the app has not declared. */
  standing(name: StandingName): string;
  /** Of a type that all tables share. */
  shared(name: SharedType): string;
}

const sharedTypes = ["Direction", "State", "Near", "Similar", "Written", "HistoryPage", "HistoryEntry", "JSONPath", "LiveOp", "LiveChange", "ChannelOp", "Presence", "PresenceChange",
  "Approval", "ApprovalPage", "ApprovalDecided", "ApprovalRun", "ApprovalEvent", "ApprovalChange", "Negotiation", "NegotiationRun", "NegotiationEvent", "NegotiationChange", "Offer", "Commitment", "CommitmentPage", "CommitmentEvent", "CommitmentChange"] as const;
export type SharedType = (typeof sharedTypes)[number];

/** Root fields of what is there beside the app's own: approvals, negotiations and commitments. */
const standing = {
  queries: ["approvals", "approval", "negotiation", "offer", "commitment", "commitments"],
  mutations: ["approveProposal", "rejectProposal", "editProposal", "counterNegotiation", "acceptOffer", "declineOffer", "releaseCommitment"],
} as const;
export type StandingName = (typeof standing.queries)[number] | (typeof standing.mutations)[number];

export function createNames(catalog: Catalog): GraphqlNames {
  const types = new Taken([...scalarNames, "Query", "Mutation", "Subscription", ...catalog.tables.keys(), ...catalog.channels.keys(), ...catalog.enums.keys(), ...catalog.objects.keys()]);
  const shared = new Map(sharedTypes.map((name) => [name, types.name(name)]));
  const made = new Map<string, string>();
  for (const table of catalog.tables.keys()) for (const suffix of suffixes) made.set(`${table} ${suffix}`, types.name(`${table}${suffix}`));
  for (const type of new Set([...scalarNames, ...catalog.enums.keys(), ...catalog.objects.keys()])) {
    made.set(`${type} filter`, types.name(`${type}Filter`));
    made.set(`${type} list filter`, types.name(`${type}ListFilter`));
    made.set(`${type} input`, types.name(`${type}Input`));
  }
  for (const callable of callablesOf(catalog)) made.set(`${pageKey(callable)} page`, types.name(`${pageKey(callable)}Page`));
  const roots = { queries: new Taken([]), mutations: new Taken([]) };
  const tables = new Map([...catalog.tables.values()].map((table) => [table.name, tableNames(table, roots)]));
  const named = (channel: string): ChannelNames => ({
    event: types.name(`${channel}Event`), input: types.name(`${channel}Input`), follow: roots.queries.name(lowered(channel)), publish: roots.mutations.name(`publish${channel}`),
  });
  const endpoints = new Map([...catalog.endpoints.values()].map(({ name, http }) => [name, (http?.method === "GET" ? roots.queries : roots.mutations).name(name)]));
  const decisions = new Map([...catalog.decisions.keys()].map((name) => [name, { mutation: roots.mutations.name(name), type: types.name(`${name.charAt(0).toUpperCase()}${name.slice(1)}Decided`) }]));
  const channels = new Map([...catalog.channels.keys()].map((name) => [name, named(name)]));
  const given = new Map<StandingName, string>([...standing.queries.map((name) => [name, roots.queries.name(name)] as const), ...standing.mutations.map((name) => [name, roots.mutations.name(name)] as const)]);
  return {
    standing: (name) => given.get(name)!,
    channel: (name) => channels.get(name)!,
    tableType: (table, suffix) => made.get(`${table} ${suffix}`)!,
    table: (name) => tables.get(name)!,
    filter: (type, list) => made.get(`${type} ${list ? "list filter" : "filter"}`)!,
    input: (type) => made.get(`${type} input`)!,
    endpoint: (name) => endpoints.get(name)!,
    decision: (name) => decisions.get(name)!.mutation,
    decided: (name) => decisions.get(name)!.type,
    endpointPage: (callable) => made.get(`${pageKey(callable)} page`)!,
    shared: (name) => shared.get(name)!,
  };
}

function callablesOf(catalog: Catalog): Callable[] {
  return [...catalog.endpoints.values(), ...[...catalog.tables.values()].flatMap((table) => [...table.actions.values()])].filter(({ page }) => page);
}

function pageKey({ table, name }: Callable): string {
  return `${table ?? ""}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function tableNames(table: Table, { queries, mutations }: { readonly queries: Taken; readonly mutations: Taken }): TableNames {
  const { name } = table;
  const low = lowered(name);
  const fields = new Taken(table.fields.keys());
  const conditions = new Taken(table.fields.keys());
  return {
    one: queries.name(low), list: queries.name(`${low}List`), aggregate: queries.name(`${low}Aggregate`), history: queries.name(`${low}History`),
    create: mutations.name(`create${name}`), createList: mutations.name(`create${name}List`), upsert: mutations.name(`upsert${name}`),
    update: mutations.name(`update${name}`), updateList: mutations.name(`update${name}List`), replace: mutations.name(`replace${name}`),
    remove: mutations.name(`remove${name}`), removeList: mutations.name(`remove${name}List`), restore: mutations.name(`restore${name}`),
    actions: new Map([...table.actions.keys()].map((action) => [action, mutations.name(`${action}${name}`)])),
    aggregates: new Map([...table.fields.values()].filter(({ relation }) => relation !== null && relation.kind !== "one").map((field) => [field.name, fields.name(`${field.name}Aggregate`)])),
    and: conditions.name("and"), or: conditions.name("or"), not: conditions.name("not"),
  };
}

function lowered(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

class Taken {
  readonly #names: Set<string>;

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
  }

  name(wanted: string): string {
    let name = wanted;
    while (this.#names.has(name)) name += "_";
    this.#names.add(name);
    return name;
  }
}
