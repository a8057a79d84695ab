// What all makers of types share while one schema is built: whose it is, and each type once by its name. What the caller's roles can
// never read, write or call is not in it.
import type { GraphQLNamedType } from "graphql";
import { GraphQLEnumType, GraphQLList, GraphQLNonNull, type GraphQLNullableType } from "graphql/type/definition";
import type { Rights } from "../../access/rights.ts";
import type { Catalog, Field, Relation, Table, TypeRef } from "../../schema/catalog.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import { scalarType } from "./graphql-scalars.ts";

export type RelationField = Field & { readonly relation: Relation };

export class SchemaContext {
  readonly catalog: Catalog;
  readonly names: GraphqlNames;
  readonly rights: Rights;
  readonly #types = new Map<string, GraphQLNamedType>();

  constructor(parts: { readonly catalog: Catalog; readonly names: GraphqlNames }, rights: Rights) {
    this.catalog = parts.catalog;
    this.names = parts.names;
    this.rights = rights;
  }

  /** The type of this name, made when it is first asked for. */
  type<Type extends GraphQLNamedType>(name: string, make: () => Type): Type {
    let known = this.#types.get(name);
    if (known === undefined) this.#types.set(name, known = make());
    return known as Type;
  }

  /** Own fields that the caller may name. */
  valueFields(table: Table): Field[] {
    return [...this.rights.scope.fields(table).values()].filter((field) => field.relation === null);
  }

  relations(table: Table): RelationField[] {
    return [...this.rights.scope.fields(table).values()].filter((field): field is RelationField => field.relation !== null && this.isReadable(this.related(field)));
  }

  related(field: Field): Table {
    return this.catalog.tables.get(field.relation!.table)!;
  }

  /** A type without fields is none. */
  isReadable(table: Table): boolean {
    return this.rights.scope.readable(table) && this.valueFields(table).length > 0;
  }

  /** True: on every record that the caller may read. */
  isAlwaysReadable(table: Table, field: Field): boolean {
    return this.rights.authority === null || this.rights.authority.table(table.name).field(field.name).read === true;
  }

  /** Fields that the caller may send: what the runtime or code fills is not among them. */
  settableFields(table: Table, verb: "CREATE" | "UPDATE"): Field[] {
    const authority = this.rights.authority?.table(table.name);
    // Who is not confined to a tenant says whose the new record is.
    const isOpenTenant = (field: Field): boolean => field.fill?.kind === "tenant" && verb === "CREATE" && this.rights.confinement === null;
    return [...table.fields.values()].filter((field) => {
      if (!isSettable(field, isOpenTenant(field))) return false;
      if (verb === "UPDATE" && (field.fixed || field.name === table.primaryKey)) return false;
      const own = authority?.field(field.name);
      return own === undefined || (verb === "CREATE" ? own.create : own.update) !== false;
    });
  }

  may(table: Table, verb: "READ" | "CREATE" | "UPDATE" | "DELETE"): boolean {
    return this.rights.permission(table.name, verb) !== false;
  }

  enumType(name: string): GraphQLEnumType {
    return this.type(name, () => {
      const { values, description } = this.catalog.enums.get(name)!;
      return new GraphQLEnumType({ name, description, values: Object.fromEntries(values.map((value) => [value, {}])) });
    });
  }

  leafType(type: TypeRef): GraphQLNullableType {
    return type.kind === "enum" ? this.enumType(type.name) : scalarType(type.name);
  }
}

/** By anybody at all; `evenFilled`: what the runtime would fill otherwise. */
export function isSettable(field: Field, evenFilled: boolean = false): boolean {
  return field.kind === "stored" && !field.internal && !field.readOnly && (evenFilled || !isFilled(field));
}

/** Filled by the runtime whatever is sent; defaults are not. */
function isFilled({ fill }: Field): boolean {
  return fill !== null && fill.kind !== "default-value" && fill.kind !== "default-rule";
}

/** The list and the non-null around a type. `required`: in place of what the schema says. */
export function wrapped<Type extends GraphQLNullableType>(inner: Type, type: TypeRef, required: boolean = type.required): Type | GraphQLList<Type | GraphQLNonNull<Type>> | GraphQLNonNull<Type | GraphQLList<Type | GraphQLNonNull<Type>>> {
  const shape = type.list ? new GraphQLList(type.itemRequired ? new GraphQLNonNull(inner) : inner) : inner;
  return required ? new GraphQLNonNull(shape) : shape;
}
