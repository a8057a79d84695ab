// What an app looks like to the compiler and, in small, at run time. `ambit types --client` writes it from the schema. Types, no code.

export type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

export interface Callable { readonly arguments: object; readonly result: unknown }

export interface TableTypes {
  readonly record: object;
  readonly input: object;
  readonly patch: object;
  readonly where: object;
  readonly id: string | number | bigint;
  /** On a record. */
  readonly actions: { readonly [name: string]: Callable };
  /** On the table. */
  readonly calls: { readonly [name: string]: Callable };
}

export interface ChannelTypes { readonly message: object; readonly input: object; readonly key: string | number | bigint; readonly keyField: string }

export interface AppTypes {
  /** By the names of the wire. */
  readonly tables: { readonly [name: string]: TableTypes };
  readonly endpoints: { readonly [name: string]: Callable };
  readonly channels: { readonly [name: string]: ChannelTypes };
}

interface LooseObject { readonly [name: string]: unknown }
interface LooseCallable { readonly arguments: LooseObject; readonly result: unknown }

/** Of an app whose types were not generated: everything goes, nothing is checked. */
export interface AnyApp {
  readonly tables: { readonly [name: string]: {
    readonly record: LooseObject; readonly input: LooseObject; readonly patch: LooseObject; readonly where: LooseObject; readonly id: string | number | bigint;
    readonly actions: { readonly [name: string]: LooseCallable }; readonly calls: { readonly [name: string]: LooseCallable };
  } };
  readonly endpoints: { readonly [name: string]: LooseCallable };
  readonly channels: { readonly [name: string]: { readonly message: LooseObject; readonly input: LooseObject; readonly key: string | number | bigint; readonly keyField: never } };
}

export interface TableFacts {
  /** The primary key's name. */
  readonly key: string;
  /** Relations by name, and the table that each leads to. */
  readonly relations?: { readonly [name: string]: string };
  /** Fields whose order is not that of their JSON value: `number` as text, or one that the server alone knows. */
  readonly order?: { readonly [field: string]: "number" | "server" };
}

export interface EndpointFacts {
  /** It reads only. */
  readonly safe?: boolean;
  /** It answers pages. */
  readonly page?: boolean;
}

/** What types do not say at run time. `types` is never there. */
export interface AppFacts<App extends AppTypes = AppTypes> {
  readonly tables: { readonly [name: string]: TableFacts };
  readonly endpoints?: { readonly [name: string]: EndpointFacts };
  readonly types?: App;
}

export const noFacts: AppFacts = { tables: {} };
const defaultTable: TableFacts = { key: "id" };

export function tableFacts(facts: AppFacts, table: string): TableFacts {
  return Object.hasOwn(facts.tables, table) ? facts.tables[table]! : defaultTable;
}
