// GRANT_ROLE: @allow(on:) leads over at most three to-one relations to the table of a @grants, whose roles `to` names;
// without `on` no role is one that only a @grants gives.
import type { ConstValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { didYouMean, type Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, textsOf, useOf, usesOf, type DeclaredType, type DirectiveHolder, type DirectiveUse } from "../declarations.ts";
import { grantPath } from "../build-rules.ts";
import { grantsOf } from "../build-table.ts";
import { followRelations } from "../resolve-path.ts";
import { insertArgument, removeArgument, replaceNode } from "../schema-edits.ts";
import type { Grants } from "../catalog.ts";

const PATH_MAX = 3;

interface Place {
  readonly use: DirectiveUse;
  /** Null: nothing that has a record. */
  readonly table: DeclaredType | null;
  readonly isChannel: boolean;
}

/** What a message of a channel can be decided by. */
const BY_CLAIM = "Compare the key with a claim of the token, `where: \"record.roomId in auth.claims.rooms\"`, or tell by a table with an expiration instead, which is followed under its rules.";

export function allowGrants(context: CompileContext): Diagnostic[] {
  const grants = context.tables.map((table) => grantsOf(table, context)).filter((found) => found !== null);
  return placesOf(context).filter(({ use }) => use.values !== null).flatMap((place) => (textOf(place.use, "on") === undefined ? withoutPath(place, grants, context) : withPath(place, grants, context)));
}

function placesOf(context: CompileContext): Place[] {
  const of = (holder: DirectiveHolder, table: DeclaredType | null, isChannel = false): Place[] => usesOf(holder, "allow").map((use) => ({ use, table, isChannel }));
  return [
    ...context.types.flatMap((type) => of(type, type.kind === "table" ? type : null, type.kind === "channel")),
    ...context.fields.flatMap((field) => {
      const isOnTable = field.kind === "action" && usesOf(field, "action").some((use) => use.values?.["on"] === "TABLE");
      return of(field, field.owner.kind === "table" && !isOnTable ? field.owner : null);
    }),
  ];
}

function roleNodes(use: DirectiveUse): readonly ConstValueNode[] {
  const node = argumentNode(use, "to")?.value;
  return node === undefined ? [] : node.kind === Kind.LIST ? node.values : [node];
}

function rolesGranted(grants: readonly Grants[]): string[] {
  return [...new Set(grants.flatMap((grant) => grant.roles.map((role) => role.toLowerCase())))];
}

function withoutPath({ use, table, isChannel }: Place, grants: readonly Grants[], context: CompileContext): Diagnostic[] {
  const granted = rolesGranted(grants);
  const nodes = roleNodes(use).filter((node) => node.kind === Kind.STRING && granted.includes(node.value));
  return nodes.map((node) => {
    const role = node.kind === Kind.STRING ? node.value : "";
    const path = table === null ? null : nearestGrant(table, grants.filter((grant) => rolesGranted([grant]).includes(role)), context);
    return diagnose(context, {
      code: "GRANT_ROLE", at: node, message: `The role ${role} is only held within a record, but \`on\` does not say which.`, why: "Nobody holds it everywhere, so this rule would allow nobody.",
      fix: isChannel ? `Use another role. ${BY_CLAIM}` : table === null ? "Use another role: there is no record here." : path === null ? "Add on with the path to the record, or use another role." : `Add on: "${path}".`,
      edits: path === null || roleNodes(use).length > 1 ? [] : [insertArgument(context.source, use.node, `on: "${path}"`)],
    });
  });
}

/** `record`, or the only to-one relation that leads to a record in which roles are granted. */
function nearestGrant(table: DeclaredType, grants: readonly Grants[], context: CompileContext): string | null {
  const targets = new Set(grants.map((grant) => grant.table));
  if (targets.has(table.name)) return "record";
  const relations = table.fields.filter((field) => field.kind === "relation" && field.type !== null && !field.type.list && targets.has(field.type.name) && context.byName.has(field.type.name));
  return relations.length === 1 ? relations[0]?.name ?? null : null;
}

function withPath({ use, table, isChannel }: Place, grants: readonly Grants[], context: CompileContext): Diagnostic[] {
  const on = argumentNode(use, "on");
  const steps = grantPath(use);
  if (on === undefined || steps === null) return [];
  const refuse = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "GRANT_ROLE", at: on.value, message, why: "`on` leads to the record in which the role was granted.", fix, edits: table === null ? [removeArgument(context.source, use.node, on)] : [] })];
  if (table === null) return refuse("There is no record here that `on` could begin at.", isChannel ? `Remove on. ${BY_CLAIM}` : "Remove on.");
  if (steps.length > PATH_MAX) return refuse(`The path has ${steps.length} relations.`, `Use at most ${PATH_MAX}.`);
  const end = followRelations(table, steps, context.byName);
  if (end.kind === "stopped") {
    if (end.field !== null && end.field.type === null) return [];
    if (end.field !== null) return refuse(`${end.table.name}.${end.step} is no relation.`, "Name to-one relations, joined by dots.");
    const toOne = end.table.fields.filter((field) => field.kind === "relation" && field.type?.list === false).map((field) => field.name);
    const near = didYouMean(end.step, toOne);
    const candidates = near === null ? toOne : [steps.map((step) => (step === end.step ? near : step)).join(".")];
    return [unknownName(context, { at: on.value, name: steps.join("."), label: `the path ${steps.join(".")}`, candidates, place: "@allow(on)" })];
  }
  const many = end.relations.find((field) => field.type?.list === true);
  if (many !== undefined) return refuse(`${many.owner.name}.${many.name} leads to many records.`, "Use to-one relations only.");
  const here = grants.filter((grant) => grant.table === end.table.name);
  // One @grants in error may be the one that is missed here; it is reported itself.
  if (here.length === 0 && hasUnsoundGrants(end.table, context)) return [];
  if (here.length === 0) return refuse(`No @grants gives roles within ${end.table.name}.`, grants.length === 0 ? "Declare a table with @grants." : `Lead to one of ${[...new Set(grants.map((grant) => grant.table))].join(", ")}.`);
  return unknownRoles(use, { granted: rolesGranted(here), within: end.table.name }, context);
}

/** Of a table that is related to this one. */
function hasUnsoundGrants(to: DeclaredType, context: CompileContext): boolean {
  return context.tables.some((table) => useOf(table, "grants") !== undefined && grantsOf(table, context) === null && table.fields.some((field) => field.type?.name === to.name));
}

function unknownRoles(use: DirectiveUse, grant: { granted: readonly string[]; within: string }, context: CompileContext): Diagnostic[] {
  const { granted, within } = grant;
  const nodes = roleNodes(use);
  if (nodes.length === 0 && !granted.includes("authenticated")) {
    return [diagnose(context, { code: "GRANT_ROLE", at: use.node, message: `Without \`to\` it is "authenticated", which is no role within ${within}.`, why: "Roles within a record are values of the enum of @grants.", fix: `Add to with some of ${granted.join(", ")}.` })];
  }
  const known = textsOf(use, "to") ?? [];
  return nodes.filter((node) => node.kind === Kind.STRING && known.includes(node.value) && !granted.includes(node.value)).map((node) => {
    const role = node.kind === Kind.STRING ? node.value : "";
    const near = didYouMean(role, granted);
    return diagnose(context, {
      code: "GRANT_ROLE", at: node, message: `${role} is no role within ${within}.`, why: "Roles within a record are values of the enum of @grants, in lower case.",
      fix: near === null ? `Use some of ${granted.join(", ")}.` : `Did you mean ${near}?`, edits: near === null ? [] : [replaceNode(context.source, node, JSON.stringify(near))],
    });
  });
}
