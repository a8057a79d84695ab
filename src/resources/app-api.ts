// What app authors import from "ambit": classes for tables and the frames of callables. The generated types.d.ts types it;
// here stands only how a class reaches the operation that it serves. Nothing runs before the runtime binds a loaded module.

/** Marks a class made by `Table`; its value is the table's name. Global, so that two copies of this module agree. */
export const TABLE_NAME: unique symbol = Symbol.for("ambit.table-name") as never;
/** On a context: how `super.create` goes on. On a record: how `update` and `remove` do. */
export const CONTINUATION: unique symbol = Symbol.for("ambit.continuation") as never;

/** Marks what `fetched` makes. */
export const FETCHED: unique symbol = Symbol.for("ambit.fetched") as never;

/** Set by the runtime on the context that a body gets. */
export interface CreateContinuation { create(table: string, input: unknown): Promise<unknown> }

/** Set by the runtime on the record that a body gets as `this`. */
export interface RecordContinuation {
  update(patch: unknown): Promise<unknown>;
  remove(): Promise<unknown>;
}

export interface TableBase {
  update(patch: unknown): Promise<unknown>;
  remove(): Promise<unknown>;
}

export interface TableBaseClass {
  new (): TableBase;
  readonly [TABLE_NAME]: string;
  create(ctx: object, input: unknown): Promise<unknown>;
}

/** `class Order extends Table("Order")`: methods are actions, static ones on the table; override create, update, remove. */
export function Table(name: string): TableBaseClass {
  return class {
    static readonly [TABLE_NAME] = name;

    static create(ctx: object, input: unknown): Promise<unknown> {
      return continuationOf<CreateContinuation>(ctx, `${name}.create needs the context that its caller was given.`).create(name, input);
    }

    update(patch: unknown): Promise<unknown> {
      return continuationOf<RecordContinuation>(this, `This ${name} does not come from the runtime.`).update(patch);
    }

    remove(): Promise<unknown> {
      return continuationOf<RecordContinuation>(this, `This ${name} does not come from the runtime.`).remove();
    }
  };
}

function continuationOf<Continuation>(holder: object, message: string): Continuation {
  const found = (holder as { readonly [CONTINUATION]?: Continuation } | null | undefined)?.[CONTINUATION];
  if (found === undefined) throw new TypeError(message);
  return found;
}

/** Bodies of the callables that `type Endpoints` declares. */
export function endpoints<Bodies>(bodies: Bodies): Bodies { return bodies; }
export function tools<Bodies>(bodies: Bodies): Bodies { return bodies; }
export function jobs<Bodies>(bodies: Bodies): Bodies { return bodies; }
export function fallbacks<Bodies>(bodies: Bodies): Bodies { return bodies; }
export function sources<Bodies>(bodies: Bodies): Bodies { return bodies; }

/** What a source answers, with the tag that it will be asked with the next time. */
export interface Fetched {
  readonly [FETCHED]: true;
  readonly record: unknown;
  readonly etag: string | null;
}

/** A record of a source and its ETag there. */
export function fetched(record: unknown, { etag = null }: { readonly etag?: string | null } = {}): Fetched {
  return { [FETCHED]: true, record, etag };
}

export function migrations<Bodies>(bodies: Bodies): Bodies { return bodies; }
