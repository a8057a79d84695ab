// Random bodies that read, decide and write; each runs against a context and against a model of the data, by the same steps.
import type { TestContext } from "../../src/resources/testing/typed-context.ts";

export type Row = { readonly id: string; readonly group: number; readonly value: number; readonly sku: string | null };

/** What a step may do. Refusals are thrown with a `code`. */
export interface Data {
  get(id: string): Promise<Row | null>;
  sum(group: number): Promise<number>;
  count(above: number): Promise<number>;
  top(group: number): Promise<string | null>;
  create(row: Row): Promise<void>;
  update(id: string, patch: Partial<Row>): Promise<void>;
  remove(id: string): Promise<void>;
  increment(id: string, by: number): Promise<number>;
  claim(group: number, value: number): Promise<string | null>;
  point(id: string, at: string): Promise<void>;
  /** How many pointers lead to records of the group, as a list within each. */
  pointers(group: number): Promise<number>;
  /** The value of what a pointer leads to. */
  pointed(id: string): Promise<number>;
  /** Records that a pointer leads to, by a condition on it. */
  pointedAt(value: number): Promise<number>;
  nested(run: (data: Data) => Promise<void>): Promise<void>;
}

type Dice = (sides: number) => number;

export interface Program { readonly steps: readonly Step[] }
interface Step { readonly kind: number; readonly a: number; readonly b: number; readonly pauses: number }

const KINDS = 14;

export function randomProgram(dice: Dice): Program {
  return { steps: Array.from({ length: 2 + dice(5) }, () => ({ kind: dice(KINDS), a: dice(6), b: dice(4), pauses: dice(3) })) };
}

/** What it has seen, as one number. `pause` lets others go between. */
export async function run({ steps }: Program, data: Data, pause: () => Promise<void>): Promise<number> {
  let seen = 1;
  const see = (value: number): void => { seen = (seen * 31 + value + 7) % 1_000_003; };
  const tried = async (work: Promise<unknown>): Promise<void> => {
    try { await work; see(1); } catch (error) { see(codeNumber(error)); }
  };
  for (const { kind, a, b, pauses } of steps) {
    for (let turn = 0; turn < pauses; turn++) await pause();
    const id = `k${a}`;
    const value = seen % 40;
    switch (kind) {
      case 0: see((await data.get(id))?.value ?? -1); break;
      case 1: see(await data.sum(b)); break;
      case 2: see(await data.count(a * 5)); break;
      case 3: see(numberOf(await data.top(b))); break;
      case 4: await tried(data.create({ id, group: b, value, sku: a < 3 ? `s${b}` : null })); break;
      case 5: await tried(data.update(id, { value })); break;
      case 6: await tried(data.update(id, { group: b, sku: value % 2 === 0 ? `s${a % 4}` : null })); break;
      case 7: await tried(data.remove(id)); break;
      case 8: await tried(data.increment(id, b + 1).then(see)); break;
      case 10: see(await data.pointers(b)); break;
      case 11: see(await data.pointed(`p${b}`)); break;
      case 12: see(await data.pointedAt(a * 5)); break;
      case 9: see(numberOf(await data.claim(b, value))); break;
      default: await tried(data.nested(async (inner) => {
        await inner.point(`p${b}`, id);
        see((await inner.get(`k${b}`))?.value ?? -2);
        await pause();
        await inner.update(id, { value: value + 1 });
        if (value % 3 === 0) throw Object.assign(new Error("undone"), { code: "UNDONE" });
      }));
    }
  }
  return seen;
}

const CODES = ["UNDONE", "NOT_FOUND", "UNIQUE_VIOLATION", "REFERENCE_VIOLATION"];

function codeNumber(error: unknown): number {
  const { code } = error as { code?: string };
  const index = CODES.indexOf(code ?? "");
  if (index < 0) throw error;
  return 100 + index;
}

function numberOf(id: string | null): number {
  return id === null ? -3 : Number(id.slice(1));
}

export function dataOf(ctx: TestContext): Data {
  const { Item, Pointer } = ctx.system;
  const rows = (found: unknown): readonly Row[] => found as readonly Row[];
  return {
    get: async (id) => await Item!.get(id) as unknown as Row | null,
    sum: async (group) => rows(await Item!.find({ group, select: ["value"] })).reduce((total, { value }) => total + value, 0),
    count: (above) => Item!.count({ value: { gt: above } }),
    top: async (group) => (await Item!.first({ group, order: [{ value: "desc" }, { id: "asc" }], select: ["id"] }))?.id ?? null,
    async create(row) { await Item!.create({ ...row }); },
    async update(id, patch) { await Item!.update(id, patch); },
    async remove(id) { await Item!.remove(id); },
    increment: async (id, by) => (await Item!.increment(id, "value", by) as unknown as Row).value,
    claim: async (group, value) => (await Item!.claim({ group, value: { lt: 30 }, order: { id: "asc" } }, { value: value + 30 }))?.id ?? null,
    pointers: async (group) => (await Item!.find({ group, select: ["id", { pointers: ["id"] }] }) as unknown as { pointers: object[] }[]).reduce((sum, { pointers }) => sum + pointers.length, 0),
    pointed: async (id) => ((await Pointer!.first({ id, select: ["id", { item: ["value"] }] })) as unknown as { item: { value: number } | null } | null)?.item?.value ?? -4,
    pointedAt: (value) => Pointer!.count({ item: { value: { gt: value } } }),
    async point(id, at) { await Pointer!.upsert({ id, itemId: at }); },
    nested: (work) => ctx.transaction((inner) => work(dataOf(inner))),
  };
}

/** The same in memory. */
export class Model implements Data {
  items: Map<string, Row>;
  targets: Map<string, string>;

  constructor(items: Iterable<readonly [string, Row]> = [], pointers: Iterable<readonly [string, string]> = []) {
    this.items = new Map(items);
    this.targets = new Map(pointers);
  }

  copy(): Model {
    return new Model(this.items, this.targets);
  }

  text(): string {
    const sorted = <Value>(map: Map<string, Value>): [string, Value][] => [...map].sort(([left], [right]) => (left < right ? -1 : 1));
    return JSON.stringify([sorted(this.items).map(([, { id, group, value, sku }]) => [id, group, value, sku]), sorted(this.targets)]);
  }

  async get(id: string): Promise<Row | null> { return this.items.get(id) ?? null; }
  async sum(group: number): Promise<number> { return this.#of(group).reduce((total, { value }) => total + value, 0); }
  async count(above: number): Promise<number> { return [...this.items.values()].filter(({ value }) => value > above).length; }
  async top(group: number): Promise<string | null> { return this.#of(group).sort((left, right) => right.value - left.value || (left.id < right.id ? -1 : 1))[0]?.id ?? null; }

  async create(row: Row): Promise<void> {
    if (this.items.has(row.id)) throw refused("UNIQUE_VIOLATION");
    this.#put(row);
  }

  async update(id: string, patch: Partial<Row>): Promise<void> { this.#put({ ...this.#present(id), ...patch }); }

  async remove(id: string): Promise<void> {
    this.#present(id);
    if ([...this.targets.values()].includes(id)) throw refused("REFERENCE_VIOLATION");
    this.items.delete(id);
  }

  async increment(id: string, by: number): Promise<number> {
    const row = this.#present(id);
    this.#put({ ...row, value: row.value + by });
    return row.value + by;
  }

  async claim(group: number, value: number): Promise<string | null> {
    const [first] = this.#of(group).filter((row) => row.value < 30).sort((left, right) => (left.id < right.id ? -1 : 1));
    if (first === undefined) return null;
    this.#put({ ...first, value: value + 30 });
    return first.id;
  }

  async pointers(group: number): Promise<number> { return [...this.targets.values()].filter((id) => this.items.get(id)!.group === group).length; }
  async pointed(id: string): Promise<number> { return this.items.get(this.targets.get(id) ?? "")?.value ?? -4; }
  async pointedAt(value: number): Promise<number> { return [...this.targets.values()].filter((id) => this.items.get(id)!.value > value).length; }

  async point(id: string, at: string): Promise<void> {
    if (!this.items.has(at)) throw refused("REFERENCE_VIOLATION");
    this.targets.set(id, at);
  }

  async nested(work: (data: Data) => Promise<void>): Promise<void> {
    const { items, targets } = this.copy();
    try {
      await work(this);
    } catch (error) {
      this.items = items;
      this.targets = targets;
      throw error;
    }
  }

  #of(group: number): Row[] { return [...this.items.values()].filter((row) => row.group === group); }

  #present(id: string): Row {
    const row = this.items.get(id);
    if (row === undefined) throw refused("NOT_FOUND");
    return row;
  }

  #put(row: Row): void {
    if (row.sku !== null && [...this.items.values()].some(({ id, sku }) => id !== row.id && sku === row.sku)) throw refused("UNIQUE_VIOLATION");
    this.items.set(row.id, row);
  }
}

function refused(code: string): Error {
  return Object.assign(new Error(code), { code });
}
