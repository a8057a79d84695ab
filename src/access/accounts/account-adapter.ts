// better-auth's tables as records of this app: its user is the app's own record with a profile beside it, everything else a hidden table of the same
// name. Tokens of sessions are kept by their hash, tokens of providers not at all.
import { createAdapterFactory, type CleanedWhere, type CustomAdapter } from "@better-auth/core/db/adapter";
import { unreachable } from "../../base/assert.ts";
import type { Value } from "../../base/value.ts";
import { HIDDEN_PREFIX } from "../../schema/account-tables.ts";
import type { Table } from "../../schema/catalog.ts";
import { SESSION_TABLE, tokenHash } from "../signed-in.ts";
import { scopeOf } from "./account-scope.ts";
import type { PasswordHashing, StoredRow } from "./account-store.ts";
import { transactWithHashes } from "./hash-outside.ts";
import type { People } from "./people.ts";

type Row = Record<string, unknown>;

/** Never kept: nobody here asks providers for more. */
const DROPPED = new Set(["accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt"]);
const BY_ID = "id:";

/** `sessionsMax`: of one account; more end the oldest. */
export function accountAdapter({ people, tables, sessionsMax, hashing }: { readonly people: People; readonly tables: ReadonlyMap<string, Table>; readonly sessionsMax: number; readonly hashing: PasswordHashing }): ReturnType<typeof createAdapterFactory> {
  const factory = createAdapterFactory({
    config: {
      adapterId: "ambit", adapterName: "Ambit", supportsDates: false, supportsBooleans: true, supportsJSON: true, supportsArrays: true, disableIdGeneration: true,
      transaction: (run) => transactWithHashes(hashing, async () => run(ready as never)),
    },
    adapter: () => adapterOf(people, tables, sessionsMax),
  });
  let ready: unknown = null;
  return ((options: Parameters<typeof factory>[0]) => (ready = factory(options))) as ReturnType<typeof createAdapterFactory>;
}

function adapterOf(people: People, tables: ReadonlyMap<string, Table>, sessionsMax: number): CustomAdapter {
  const rowsOf = async (model: string, where: readonly CleanedWhere[]): Promise<Row[]> => {
    const conditions = where.map((condition) => stored(model, condition));
    const rows = model === "user" ? await people.find(conditions) : await findRows(tables.get(HIDDEN_PREFIX + model)!, conditions, people);
    return rows.filter((row) => matches(row, conditions));
  };
  const update = async (model: string, row: Row, patch: Row): Promise<Row> => {
    if (model === "user") return people.update(row, patch);
    const changed = await scopeOf().store.update(HIDDEN_PREFIX + model, row["id"] as string, kept(model, patch, people));
    return shown(changed);
  };
  const remove = async (model: string, row: Row): Promise<void> => {
    if (model === "user") return people.remove(row["id"] as string);
    await scopeOf().store.remove(HIDDEN_PREFIX + model, row["id"] as string);
  };
  const adapter: CustomAdapter = {
    async create({ model, data }) {
      if (model === "user") return await refusing(() => people.create(data)) as never;
      const { id: _, ...input } = data as Row;
      const created = shown(await scopeOf().store.create(HIDDEN_PREFIX + model, kept(model, input, people)));
      if (model === "session") await endOldest(created["userId"] as string, people, sessionsMax);
      return (model === "session" ? { ...created, token: input["token"] } : created) as never;
    },
    async findOne({ model, where }) {
      const [row] = await rowsOf(model, where);
      return (row === undefined ? null : told(model, row, where)) as never;
    },
    async findMany({ model, where = [], limit, offset = 0, sortBy }) {
      const rows = await rowsOf(model, where);
      const sorted = sortBy === undefined ? rows : rows.sort((left, right) => compare(left[sortBy.field], right[sortBy.field]) * (sortBy.direction === "desc" ? -1 : 1));
      return sorted.slice(offset, offset + limit).map((row) => told(model, row, where)) as never;
    },
    async update({ model, where, update: patch }) {
      const [row] = await rowsOf(model, where);
      return (row === undefined ? null : told(model, await update(model, row, patch as Row), where)) as never;
    },
    async updateMany({ model, where, update: patch }) {
      const rows = await rowsOf(model, where);
      for (const row of rows) await update(model, row, patch);
      return rows.length;
    },
    async delete({ model, where }) {
      const [row] = await rowsOf(model, where);
      if (row !== undefined) await remove(model, row);
    },
    async deleteMany({ model, where }) {
      const rows = await rowsOf(model, where);
      for (const row of rows) await remove(model, row);
      return rows.length;
    },
    count: async ({ model, where = [] }) => (await rowsOf(model, where)).length,
    // In one transaction: of two at once one finds nothing any more.
    consumeOne: ({ model, where }) => scopeOf().store.transaction(async () => {
      const [row] = await rowsOf(model, where);
      if (row === undefined) return null as never;
      await remove(model, row);
      return row as never;
    }),
    incrementOne: ({ model, where, increment, set = {} }) => scopeOf().store.transaction(async () => {
      const [row] = await rowsOf(model, where);
      if (row === undefined) return null as never;
      const counted = Object.fromEntries(Object.entries(increment).map(([field, by]) => [field, (typeof row[field] === "number" ? row[field] : 0) + by]));
      return await update(model, row, { ...set, ...counted }) as never;
    }),
  };
  return adapter;
}

/** Why somebody was not taken: the library has words of its own for it. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    scopeOf().refusal = error;
    throw error;
  }
}

/** Their ids are in the order in which they were made. */
async function endOldest(userId: string, people: People, sessionsMax: number): Promise<void> {
  const { store } = scopeOf();
  const ids = (await store.find(SESSION_TABLE, { userId: people.key("userId", userId) })).map(({ id }) => id as string).sort();
  for (const id of ids.slice(0, -sessionsMax)) await store.remove(SESSION_TABLE, id);
}

/** What is asked of a hidden table: equalities narrow, all the rest is looked at afterwards. */
async function findRows(table: Table, conditions: readonly CleanedWhere[], people: People): Promise<Row[]> {
  const { store } = scopeOf();
  const id = conditions.find(({ field, operator, value, connector }) => field === "id" && operator === "eq" && connector === "AND" && typeof value === "string");
  if (id !== undefined) {
    const row = await store.get(table.name, id.value as string);
    return row === null ? [] : [shown(row)];
  }
  const by: Record<string, Value | { in: readonly Value[] }> = {};
  for (const { field, operator, value, connector } of conditions) {
    if (connector !== "AND" || value === null) continue;
    if (operator === "eq") by[field] = people.key(field, value as Value);
    if (operator === "in") by[field] = { in: (value as Value[]).map((one) => people.key(field, one)) };
  }
  return (await store.find(table.name, by)).map(shown);
}

/** A session is found by the hash of its token, or by its id where its owner ends it. */
function stored(model: string, condition: CleanedWhere): CleanedWhere {
  if (model !== "session" || condition.field !== "token") return condition;
  const { value } = condition;
  if (Array.isArray(value)) return { ...condition, value: value.map((token) => tokenHash(String(token))) };
  const text = String(value);
  if (scopeOf().namesSessions && text.startsWith(BY_ID)) return { ...condition, field: "id", value: text.slice(BY_ID.length) };
  return { ...condition, value: tokenHash(text) };
}

/** The token itself is known only where it was asked for by it. */
function told(model: string, row: Row, where: readonly CleanedWhere[]): Row {
  if (model !== "session") return row;
  const [scope, id] = [scopeOf(), row["id"] as string];
  const asked = where.find(({ field, operator }) => field === "token" && operator === "eq")?.value as string | undefined;
  if (asked !== undefined && !asked.startsWith(BY_ID)) scope.own ??= { id, token: asked };
  return { ...row, token: asked ?? (scope.own?.id === id ? scope.own.token : BY_ID + id) };
}

function kept(model: string, input: Row, people: People): Row {
  const row = Object.fromEntries(Object.entries(input).filter(([field]) => !DROPPED.has(field)).map(([field, value]) => [field, people.key(field, value as Value)]));
  const { provider } = scopeOf();
  if (model === "session") return { ...row, ...(row["token"] === undefined ? {} : { token: tokenHash(String(row["token"])) }), ...(provider === null ? {} : { roles: provider.roles, tenant: provider.tenant }) };
  return row;
}

/** As better-auth has it: ids are texts. */
function shown(row: StoredRow): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined).map(([field, value]) => [field, (field === "userId" || field === "inviterId") && value !== null ? String(value) : value]));
}

function matches(row: Row, conditions: readonly CleanedWhere[]): boolean {
  const [all, some] = [conditions.filter(({ connector }) => connector === "AND"), conditions.filter(({ connector }) => connector === "OR")];
  return all.every((condition) => holds(row, condition)) && (some.length === 0 || some.some((condition) => holds(row, condition)));
}

function holds(row: Row, { field, operator, value, mode }: CleanedWhere): boolean {
  const [left, right] = mode === "insensitive" ? [folded(row[field]), folded(value)] : [row[field] ?? null, value];
  switch (operator) {
    case "eq": case undefined: return left === right;
    case "ne": return left !== right;
    case "in": return Array.isArray(right) && (right as unknown[]).includes(left);
    case "not_in": return Array.isArray(right) && !(right as unknown[]).includes(left);
    case "lt": return left !== null && compare(left, right) < 0;
    case "lte": return left !== null && compare(left, right) <= 0;
    case "gt": return left !== null && compare(left, right) > 0;
    case "gte": return left !== null && compare(left, right) >= 0;
    case "contains": return String(left).includes(String(right));
    case "starts_with": return String(left).startsWith(String(right));
    case "ends_with": return String(left).endsWith(String(right));
    default: return unreachable(operator);
  }
}

function folded(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : value ?? null;
}

function compare(left: unknown, right: unknown): number {
  const [one, other] = [left, right].map((value) => (value instanceof Date ? value.toISOString() : value)) as [string | number, string | number];
  return one < other ? -1 : one > other ? 1 : 0;
}
