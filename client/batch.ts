// Several operations in one transaction: collected, sent once, and their answers given to whoever holds the operation.
import { malformed } from "./ambit-error.ts";
import type { AppTypes, TableTypes } from "./app-types.ts";
import type { WireAnswer, WireRequest } from "./http-sender.ts";
import type { OwnRow } from "./query-types.ts";
import { batchBody, Reference } from "./request-body.ts";
import { ONE_RECORD, type MutationOptions } from "./table-client.ts";

interface Operation { readonly id: string; readonly method: string; readonly path: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }

interface Result { readonly status: number; readonly body?: unknown }

/** One operation of a batch that was not sent yet. */
export class Planned<Value> {
  readonly #id: string;
  #result: { readonly value: Value } | null = null;

  constructor(id: string) {
    this.#id = id;
  }

  /** What will stand in a field of its answer, for operations behind it. */
  ref<Field extends keyof Value & string>(field: Field): Value[Field] {
    const pointer = field.replaceAll("~", "~0").replaceAll("/", "~1");
    return new Reference(`${this.#id}/${pointer}`) as unknown as Value[Field];
  }

  /** Of a batch that was carried out. */
  get value(): Value {
    if (this.#result === null) throw malformed("The batch has not been carried out.", "batch", "Await `send` first.");
    return this.#result.value;
  }

  settle({ body }: Result): void {
    this.#result = { value: (body ?? null) as Value };
  }
}

export class Batch<App extends AppTypes> {
  readonly #mutate: (request: WireRequest, options?: MutationOptions) => Promise<WireAnswer>;
  readonly #operations: Operation[] = [];
  readonly #planned: Planned<unknown>[] = [];

  constructor(mutate: (request: WireRequest, options?: MutationOptions) => Promise<WireAnswer>) {
    this.#mutate = mutate;
  }

  from<Name extends keyof App["tables"] & string>(table: Name): BatchTable<App["tables"][Name]> {
    return new BatchTable(`/${encodeURIComponent(table)}`, (operation) => this.#plan(operation));
  }

  /** All or none: throws what the first refused operation was refused by; its `where` names it. */
  async send(options?: Pick<MutationOptions, "idempotencyKey" | "signal">): Promise<void> {
    if (this.#operations.length === 0) return;
    const answer = await this.#mutate({ method: "POST", path: "/batch", headers: {}, body: JSON.stringify({ operations: this.#operations }) }, options);
    const { results } = answer.body as { readonly results: readonly Result[] };
    results.forEach((result, index) => this.#planned[index]?.settle(result));
  }

  #plan<Value>({ body, ...operation }: Omit<Operation, "id">): Planned<Value> {
    const id = `o${this.#operations.length}`;
    const planned = new Planned<Value>(id);
    this.#operations.push({ id, ...operation, ...(body === undefined ? {} : { body: batchBody(body) }) });
    this.#planned.push(planned as Planned<unknown>);
    return planned;
  }
}

type Plan = <Value>(operation: Omit<Operation, "id">) => Planned<Value>;

export class BatchTable<Table extends TableTypes> {
  readonly #path: string;
  readonly #plan: Plan;

  constructor(path: string, plan: Plan) {
    this.#path = path;
    this.#plan = plan;
  }

  create(input: Table["input"]): Planned<OwnRow<Table["record"]>> {
    return this.#plan({ method: "POST", path: this.#path, headers: ONE_RECORD, body: input });
  }

  update(id: Table["id"], patch: Table["patch"], options?: Pick<MutationOptions, "ifVersion">): Planned<OwnRow<Table["record"]>> {
    return this.#plan({ method: "PATCH", path: this.#record(id), headers: { ...ONE_RECORD, ...conditional(options) }, body: patch });
  }

  replace(id: Table["id"], input: Table["input"], options?: Pick<MutationOptions, "ifVersion">): Planned<OwnRow<Table["record"]>> {
    return this.#plan({ method: "PUT", path: this.#record(id), headers: { ...ONE_RECORD, ...conditional(options) }, body: input });
  }

  remove(id: Table["id"], options?: Pick<MutationOptions, "ifVersion">): Planned<null> {
    return this.#plan({ method: "DELETE", path: this.#record(id), headers: conditional(options) });
  }

  act<Name extends keyof Table["actions"] & string>(id: Table["id"], action: Name, given: Table["actions"][Name]["arguments"]): Planned<Table["actions"][Name]["result"]> {
    return this.#plan({ method: "POST", path: `${this.#record(id)}/${encodeURIComponent(action)}`, body: given });
  }

  #record(id: unknown): string {
    return `${this.#path}/${id instanceof Reference ? `{${id.path}}` : encodeURIComponent(String(id))}`;
  }
}

function conditional(options: Pick<MutationOptions, "ifVersion"> | undefined): Record<string, string> {
  return options?.ifVersion === undefined ? {} : { "if-match": options.ifVersion };
}
