// The shapes in which the matrix says once more what the app declares: tables, fields, relations and rules. Nothing here reads the product.
import type { Who } from "./identities.ts";
import type { Truth } from "./truth.ts";

/** A record in wire form, every declared value field in it, null where there is none. */
export type Row = Readonly<Record<string, unknown>>;

export interface World {
  /** Without expired ones. */
  rows(table: string): readonly Row[];
  find(table: string, key: unknown): Row | null;
}

export interface Case { readonly row: Row; readonly who: Who; readonly world: World; /** UPDATE only. */ readonly old?: Row }

export interface Rule {
  readonly to: readonly string[];
  /** R, C, U, D. */
  readonly verbs: string;
  /** Roles within the project whose key this gives. */
  readonly within?: (row: Row) => unknown;
  readonly when?: (at: Case) => Truth;
}

export type FieldType =
  | "ID" | "String" | "Int" | "Long" | "Float" | "Boolean" | "Money" | "Decimal" | "DateTime" | "Date" | "Duration" | "JSON" | "Bytes" | "Enum" | "List" | "Object" | "Vector";

export interface FieldModel {
  readonly name: string;
  readonly type: FieldType;
  readonly required: boolean;
  /** Null: without @allow of its own. */
  readonly rules: readonly Rule[] | null;
  readonly kind: "stored" | "computed" | "internal" | "readOnly" | "fixed";
  /** The table that a key refers to. */
  readonly refers?: string;
  readonly unique?: boolean;
  readonly text?: boolean;
  readonly compute?: (row: Row) => unknown;
  readonly values?: readonly string[];
}

export type RelationModel =
  | { readonly name: string; readonly kind: "one"; readonly table: string; readonly from: string }
  | { readonly name: string; readonly kind: "many"; readonly table: string; readonly to: string }
  | { readonly name: string; readonly kind: "through"; readonly table: string; readonly join: string; readonly from: string; readonly to: string };

export interface TableModel {
  readonly name: string;
  /** Null: not exported. */
  readonly path: string | null;
  readonly key: FieldModel;
  readonly rules: readonly Rule[];
  readonly fields: readonly FieldModel[];
  readonly relations: readonly RelationModel[];
  readonly open: boolean;
  /** Paths of @search. */
  readonly search: readonly string[];
  readonly expiresAt: string | null;
}

export function field(name: string, type: FieldType, more: Partial<Omit<FieldModel, "name" | "type">> = {}): FieldModel {
  return { name, type, required: false, rules: null, kind: "stored", ...more };
}

export function table(name: string, more: Partial<Omit<TableModel, "name" | "key">> & { readonly fields: readonly FieldModel[] }): TableModel {
  return { name, path: name, rules: [], relations: [], open: false, search: [], expiresAt: null, key: more.fields[0]!, ...more };
}

export function allow(to: string | readonly string[], verbs: string, when?: Rule["when"]): Rule {
  return { to: typeof to === "string" ? [to] : to, verbs, ...(when === undefined ? {} : { when }) };
}

export function allowWithin(role: string, within: (row: Row) => unknown, verbs: string): Rule {
  return { to: [role], verbs, within };
}
