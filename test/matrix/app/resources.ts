/// <reference path="./.ambit/types.d.ts" />
// Bodies that ask for more than the caller may see: what comes back must be no more than a read over REST would give.
import { Table, endpoints, type Args, type Ctx, type Input, type Patch } from "ambit";

export class Project extends Table("Project") {
  async rename({ title }: Args<"Project.rename">) { return this.update({ title }); }
  async peek() { return this; }
  async seal({ word }: Args<"Project.seal">) { return `${word} ${this.memo}`; }
  static async census(ctx: Ctx) { return ctx.db.Project.count(); }
}

/** Overrides that change nothing: the same rules hold on this path. */
export class Note extends Table("Note") {
  static override async create(ctx: Ctx, input: Input<"Note">) { return super.create(ctx, input); }
  override async update(patch: Patch<"Note">) { return super.update(patch); }
  override async remove() { return super.remove(); }
}

interface AnyTable {
  get(id: unknown): Promise<unknown>;
  find(query: object): Promise<unknown[]>;
  count(query: object): Promise<number>;
  create(input: unknown): Promise<object>;
  update(id: unknown, patch: unknown): Promise<object>;
  upsert(input: unknown): Promise<object>;
  remove(id: unknown): Promise<void>;
  increment(id: unknown, field: string, by: number): Promise<object>;
  claim(query: object, patch: unknown): Promise<object | null>;
}

function tableOf(ctx: Ctx, name: string): AnyTable {
  return (ctx.db as unknown as Record<string, AnyTable>)[name]!;
}

function keyOf(table: string, id: string): string | number | bigint {
  return table === "Task" ? Number(id) : table === "Sample" ? BigInt(id) : id;
}

async function write(table: AnyTable, verb: string, id: string | number | bigint, data: unknown): Promise<unknown> {
  switch (verb) {
    case "get": return table.get(id);
    case "create": return table.create({ id, ...(data as object) });
    case "upsert": return table.upsert({ id, ...(data as object) });
    case "update": return table.update(id, data);
    case "increment": return table.increment(id, Object.keys(data as object)[0]!, 1);
    case "claim": return table.claim({ id }, data);
    default: return table.remove(id);
  }
}

export const Endpoints = endpoints({
  async projects(ctx, { stage }) { return ctx.db.Project.find(stage === null ? {} : { stage }); },
  async everyProject(ctx) { return ctx.system.Project.find({ limit: 500 }); },
  async pageOfProjects(ctx, { limit, after }) {
    return ctx.db.Project.query({ order: { budget: "desc" }, ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) });
  },
  async pageBySecrets(ctx, { limit, after }) {
    return ctx.db.Project.query({ order: { memo: "asc" }, ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) });
  },
  async pageOfAll(ctx, { limit, after }) {
    return ctx.system.Project.query({ order: { budget: "asc" }, ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) });
  },
  async task(ctx, { id }) { return ctx.db.Task.get(id); },
  async tasksWhere(ctx, { field, value }) { return await tableOf(ctx, "Task").find({ [field]: value }) as Awaited<ReturnType<typeof ctx.db.Task.find>>; },
  async countWhere(ctx, { table, field, value }) { return tableOf(ctx, table).count(field === "" ? {} : { [field]: value }); },
  async titles(ctx) {
    const projects = await ctx.db.Project.find({ select: ["id", "title", { tasks: ["id"] }], order: { title: "asc" } });
    return projects.map((project) => ({ title: project.title, total: project.tasks?.length ?? 0 }));
  },
  async write(ctx, { table, verb, id, data }) {
    const answer = await write(tableOf(ctx, table), verb, keyOf(table, id), data);
    return JSON.parse(JSON.stringify(answer ?? null, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
  },
  async regional() { return true; },
  async mine() { return true; },
  async keepers() { return true; },
  async sealed() { return true; },
  async unreachable() { return true; },
});
