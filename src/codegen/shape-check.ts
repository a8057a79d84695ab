// A TypeScript file that compiles exactly when each body in resources.ts has the shape that the schema declares. Text only.
import type { SourcePosition } from "../base/diagnostic.ts";
import type { Callable, Catalog } from "../schema/catalog.ts";

export interface ShapeLine {
  /** `Order.cancel` or `quote`. */
  readonly name: string;
  /** Of its declaration in the schema. */
  readonly position: SourcePosition;
}

/** `lines`: which declaration a line of `text` (from 1) stands for. `module` is the import path of resources.ts. */
export function shapeCheck(catalog: Catalog, module: string): { text: string; lines: ReadonlyMap<number, ShapeLine> } {
  const rows = [
    `import * as app from ${JSON.stringify(module)};`,
    `import type { Args, Ctx, FallbackBodies, Result, SourceBody } from "ambit";`,
    "type Awaitable<T> = T | Promise<T>;",
    "declare function shape<T>(body: T): void;",
  ];
  const lines = new Map<number, ShapeLine>();
  const add = (row: string, name: string, callable: Callable): void => {
    rows.push(row);
    lines.set(rows.length, { name, position: callable.position });
  };
  for (const table of catalog.tables.values()) {
    for (const action of table.actions.values()) {
      const name = JSON.stringify(`${table.name}.${action.name}`);
      const result = `Awaitable<Result<${name}>>`;
      const row = action.on === "TABLE"
        ? `shape<(ctx: Ctx, args: Args<${name}>) => ${result}>(app.${table.name}.${action.name});`
        : `shape<(this: InstanceType<typeof app.${table.name}>, args: Args<${name}>) => ${result}>(app.${table.name}.prototype.${action.name});`;
      add(row, `${table.name}.${action.name}`, action);
    }
  }
  for (const endpoint of catalog.endpoints.values()) {
    const name = JSON.stringify(endpoint.name);
    add(`shape<(ctx: Ctx, args: Args<${name}>) => Awaitable<Result<${name}>>>(app.Endpoints.${endpoint.name});`, endpoint.name, endpoint);
  }
  for (const job of catalog.jobs.values()) {
    const name = JSON.stringify(`Jobs.${job.name}`);
    add(`shape<(ctx: Ctx, args: Args<${name}>) => Awaitable<Result<${name}>>>(app.Jobs.${job.name});`, `Jobs.${job.name}`, job);
  }
  for (const tool of catalog.tools.values()) {
    const name = JSON.stringify(`Tools.${tool.name}`);
    add(`shape<(ctx: Ctx, args: Args<${name}>) => Awaitable<Result<${name}>>>(app.Tools.${tool.name});`, `Tools.${tool.name}`, tool);
  }
  for (const { fallback, callable } of catalog.decisions.values()) {
    if (fallback?.kind === "call") add(`shape<FallbackBodies[${JSON.stringify(fallback.name)}]>(app.Fallbacks.${fallback.name});`, `Fallbacks.${fallback.name}`, callable);
  }
  for (const table of catalog.tables.values()) {
    if (table.source === undefined) continue;
    rows.push(`shape<SourceBody<${JSON.stringify(table.name)}>>(app.Sources.${table.name});`);
    lines.set(rows.length, { name: `Sources.${table.name}`, position: table.position });
  }
  return { text: `${rows.join("\n")}\n`, lines };
}
