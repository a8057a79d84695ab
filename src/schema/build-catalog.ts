// Declarations to the Catalog. Best effort: a Catalog comes out of any schema, so that everything else can be checked too.
import { createHash } from "node:crypto";
import { print } from "graphql/language/printer";
import type { AllowRule, Callable, Catalog, Channel, Job, Table } from "./catalog.ts";
import { buildEndpoint } from "./build-callable.ts";
import { buildChannel } from "./build-channel.ts";
import { buildJob } from "./build-job.ts";
import { buildDecision, buildTool } from "./build-decision.ts";
import { buildFact } from "./build-fact.ts";
import { buildTable } from "./build-table.ts";
import { resolveDuration } from "./argument-problems.ts";
import type { CompileContext } from "./compile-context.ts";
import { textOf, useOf } from "./declarations.ts";
import { FILE_TYPE, fileType, isFile } from "./file-type.ts";
import type { Decision } from "./decision.ts";

export function buildCatalog(context: CompileContext): Catalog {
  const tables = new Map<string, Table>();
  const channels = new Map<string, Channel>();
  const endpoints = new Map<string, Callable>();
  const jobs = new Map<string, Job>();
  const tools = new Map<string, Callable>();
  const decisions = new Map<string, Decision>();
  const facts = new Map<string, Callable>();
  for (const type of context.byName.values()) {
    if (type.kind === "table") tables.set(type.name, buildTable(type, context));
    if (type.kind === "channel") channels.set(type.name, buildChannel(type, context));
    for (const field of type.fields) {
      if (type.kind === "endpoints" && !endpoints.has(field.name)) endpoints.set(field.name, buildEndpoint(field, context));
      if (type.kind === "jobs" && !jobs.has(field.name)) jobs.set(field.name, buildJob(field, context));
      if (type.kind === "tools" && !tools.has(field.name)) tools.set(field.name, buildTool(field, context));
      if (type.kind === "decisions" && !decisions.has(field.name)) decisions.set(field.name, buildDecision(field, context));
      if (type.kind === "facts" && !facts.has(field.name)) facts.set(field.name, buildFact(field, context));
    }
  }
  const { enums } = context.literals;
  const hasFiles = [...tables.values()].some((table) => [...table.fields.values()].some(({ type }) => isFile(type)));
  const objects = hasFiles ? new Map([...context.literals.objects, [FILE_TYPE, fileType] as const]) : context.literals.objects;
  return deepFreeze({ hash: hashOf(context), tables, channels, enums, objects, endpoints, jobs, tools, decisions, facts, roles: rolesOf({ tables, channels, endpoints, decisions, facts }), ...accountOf(context) });
}

/** SHA-256 of the document printed without comments and layout, and of the settings that it names. */
function hashOf(context: CompileContext): string {
  const settings = context.tables.flatMap((type) => ["expiration", "history", "trash"].map((name) => textOf(useOf(type, "table"), name))).filter((text) => text?.startsWith("values.") === true);
  const resolved = settings.map((text) => [text, text === undefined ? null : resolveDuration(text, context).text]);
  return createHash("sha256").update(print(context.document)).update(JSON.stringify(resolved)).digest("hex");
}

function accountOf({ tables }: CompileContext): Pick<Catalog, "account"> {
  for (const type of tables) {
    const use = useOf(type, "account");
    const [by, signUp] = [textOf(use, "by"), textOf(use, "signUp")];
    if (by !== undefined && signUp !== undefined) return { account: { table: type.name, by, signUp: signUp as "OPEN" } };
  }
  return {};
}

const BUILT_IN_ROLES: readonly string[] = ["public", "authenticated"];

function rolesOf({ tables, channels, endpoints, decisions, facts }: Pick<Catalog, "tables" | "channels" | "endpoints" | "decisions" | "facts">): string[] {
  const rules: AllowRule[] = [...endpoints.values(), ...channels.values(), ...facts.values(), ...[...decisions.values()].map(({ callable }) => callable)].flatMap(({ allow }) => allow);
  for (const table of tables.values()) {
    rules.push(...table.allow, ...[...table.fields.values()].flatMap((field) => field.allow), ...[...table.actions.values()].flatMap((action) => action.allow));
  }
  const roles = new Set(rules.flatMap((rule) => rule.to));
  return [...roles].filter((role) => !BUILT_IN_ROLES.includes(role) && !role.startsWith("decision:")).sort();
}

/** Maps cannot be frozen; their types are read-only. */
function deepFreeze<Part>(part: Part): Part {
  if (typeof part !== "object" || part === null || Object.isFrozen(part)) return part;
  Object.freeze(part);
  const inner = part instanceof Map ? part.values() : Object.values(part);
  for (const value of inner) deepFreeze(value);
  return part;
}
