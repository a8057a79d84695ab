// A catalog of what the data have, made from the shape that is kept beside them: enough to read the rows, and nothing more.
import type { Catalog, EnumType, Field, Index, InputField, ObjectType, Table, TypeRef, ValueLimits } from "../schema/catalog.ts";
import type { TableShape, TypeShape } from "./catalog-shape.ts";

export interface OldTable { readonly table: Table; readonly catalog: Catalog }

const position = { file: "", line: 1, column: 1 };
const limits: ValueLimits = { length: null, range: null, pattern: null, currency: null, redact: [], sensitive: false, secret: false, untrusted: false };

export function oldTable(shape: TableShape): OldTable {
  const enums = new Map<string, EnumType>();
  const objects = new Map<string, ObjectType>();
  const typeOf = (type: TypeShape, path: string): TypeRef => {
    const { base, list, required, itemRequired } = type;
    const common = { list, required, itemRequired };
    if (base === "enum") {
      enums.set(path, { name: path, description: null, values: type.values ?? [] });
      return { ...common, kind: "enum", name: path };
    }
    if (base !== "object") return { ...common, kind: "scalar", name: base };
    // One that contains itself: as it was stored.
    if (type.fields === null) return { ...common, kind: "scalar", name: "JSON" };
    const fields = new Map(Object.entries(type.fields).map(([name, inner]): [string, InputField] =>
      [name, { name, description: null, position, type: typeOf(inner, `${path}.${name}`), defaultValue: undefined, limits }]));
    objects.set(path, { name: path, description: null, kind: "object", fields });
    return { ...common, kind: "object", name: path };
  };
  const fields = new Map(shape.fields.map(({ name, type }): [string, Field] => [name, {
    name, description: null, position, type: typeOf(type, name), kind: "stored", relation: null, fill: null, limits, allow: [], readOnly: false, fixed: false, internal: false, expiresAt: false,
  }]));
  const folds = shape.folded.map((field): Index => ({ kind: "BTREE", fields: [field], unique: false, fold: true, dimensions: null, metric: "COSINE" }));
  const table: Table = {
    name: shape.name, description: null, position, sqlName: shape.sqlName, exportName: null, exportOver: [], fields, primaryKey: shape.primaryKey, indexes: folds,
    allow: [], checks: [], grants: null, search: [], expirationMs: shape.expiry?.ms ?? null, expiresAt: shape.expiry?.field ?? null, open: shape.open, tenant: null, historyMs: null, trashMs: null, actions: new Map(),
  };
  return { table, catalog: { hash: "", tables: new Map([[table.name, table]]), channels: new Map(), enums, objects, endpoints: new Map(), jobs: new Map(), tools: new Map(), decisions: new Map(), facts: new Map(), roles: [] } };
}
