// The indexes of a table of the Catalog, from @indexed on its fields and on its type. Wrong ones are left out.
import type { Index } from "./catalog.ts";
import { isSet, numberOf, textsOf, usesOf, type DeclaredType, type DirectiveUse } from "./declarations.ts";

/** A use of @indexed and the fields it covers. */
export interface DeclaredIndex {
  readonly use: DirectiveUse;
  readonly fields: readonly string[];
  /** Stands on the type. */
  readonly compound: boolean;
}

export function declaredIndexes(table: DeclaredType): DeclaredIndex[] {
  const own = table.fields.flatMap((field) => usesOf(field, "indexed").map((use) => ({ use, fields: [field.name], compound: false })));
  const compound = usesOf(table, "indexed").map((use) => ({ use, fields: textsOf(use, "fields") ?? [], compound: true }));
  return [...own, ...compound];
}

export function buildIndexes(table: DeclaredType): Index[] {
  const names = new Set(table.fields.map((field) => field.name));
  return declaredIndexes(table).filter(({ use, fields }) => use.values !== null && fields.length > 0 && fields.every((name) => names.has(name))).map(buildIndex);
}

function buildIndex({ use, fields }: DeclaredIndex): Index {
  return {
    kind: use.values?.["type"] as Index["kind"],
    fields,
    unique: isSet(use, "unique"),
    fold: isSet(use, "fold"),
    dimensions: numberOf(use, "dimensions") ?? null,
    metric: use.values?.["metric"] as Index["metric"],
  };
}
