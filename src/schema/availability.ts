// The one table of what the language has but this version does not: each use is a start-up error NOT_AVAILABLE.
// README shows it, rules/not-available.ts enforces it, runtime/ checks the ctx members. It only ever shrinks.

export type UnavailableKind = "directive" | "argument" | "value" | "type" | "scalar" | "member";

export interface Unavailable {
  readonly kind: UnavailableKind;
  /** As it is written: `@table(partition)`, `@export(over: GRAPHQL)`, `type Jobs`, `scalar Blob`, `ctx.enqueue`. */
  readonly name: string;
  /** What it will do. */
  readonly does: string;
  /** Why it is not there yet. */
  readonly reason: string;
}

const replication = "It comes with replication.";
const later = "It comes with a later version.";
const mcp = "It comes with the interface for agents, MCP.";

const tableArguments: readonly Unavailable[] = [
  { kind: "argument", name: "@table(partition)", does: "Says in which partition a record lies.", reason: replication },
];

const values: readonly Unavailable[] = [
  { kind: "value", name: "@export(over: MCP)", does: "Exports over MCP.", reason: mcp },
];

const members: readonly Unavailable[] = [
  { kind: "member", name: "ctx.call", does: "Runs another operation.", reason: later },
];

export const unavailable: readonly Unavailable[] = [
  ...tableArguments, ...values, ...members,
];

/** By name as it is written. */
export const unavailableByName: ReadonlyMap<string, Unavailable> = new Map(unavailable.map((entry) => [entry.name, entry]));

/** Members of `ctx`, without the `ctx.`, each with what it will do and why it is not there. */
export const unavailableContextMembers: ReadonlyMap<string, string> = new Map(
  members.map((entry) => [entry.name.slice("ctx.".length), `${entry.does} ${entry.reason}`]),
);
