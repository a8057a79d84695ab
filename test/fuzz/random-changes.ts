// Random commits on a fuzz app: records made, changed and removed with whoever refers to them, so that every key leads somewhere.
import type { Change } from "../../src/changes/change.ts";
import type { RecordValues, Value } from "../../src/base/value.ts";
import type { Table } from "../../src/schema/catalog.ts";
import { recordCodec } from "../../src/storage/record-codec.ts";
import type { Dice } from "./dice.ts";
import { randomField, randomKeys, randomRecord, type FuzzApp, type RecordScope } from "./random-app.ts";

type FuzzChange = Omit<Change, "cause">;
type Draft = { [field: string]: Value };

export class RandomChanges {
  readonly #app: FuzzApp;
  readonly #dice: Dice;
  readonly #records = new Map<string, Map<string, RecordValues>>();
  #changes: FuzzChange[] = [];

  constructor(app: FuzzApp, dice: Dice) {
    this.#app = app;
    this.#dice = dice;
    for (const [table, records] of app.records) this.#records.set(table, new Map(records.map((record) => [String(record["id"]), record])));
    for (const [table, records] of app.records) for (const record of records) this.#write(table, record, this.#linked(table, record));
  }

  /** As query/footprint-time.ts asks, by looking at each record. */
  nextInstant(table: string, field: string | null, from: string): string | null {
    const instants = [...this.#records.get(table)!.values()].map((record) => (record[field ?? "$expires"] ?? null) as string | null);
    return instants.filter((instant) => instant !== null && instant >= from).sort()[0] ?? null;
  }

  /** Of a record that is there. */
  key(table: string): Value {
    return this.#pick(table)?.["id"] ?? null;
  }

  /** What one commit changed: images without the expiry. `near`: tables, and perhaps a record, that it is mostly about. */
  next(near: { readonly tables: readonly string[]; readonly id: Value }): FuzzChange[] {
    this.#changes = [];
    do this.#change(this.#dice.chance(0.7) ? near : { tables: ["Alpha", "Beta", "Gamma", "Link"], id: null }); while (this.#dice.chance(0.3));
    return this.#changes.map(({ table, id, old, new: after }) => ({ table, id, old: image(old), new: image(after) }));
  }

  #change({ tables, id }: { readonly tables: readonly string[]; readonly id: Value }): void {
    const table = this.#dice.pick(tables);
    const kind = this.#dice.pick(["create", "update", "update", "update", "remove"] as const);
    if (kind === "create") return this.#create(table);
    const record = this.#records.get(table)!.get(String(id)) ?? this.#pick(table);
    if (record === null) return;
    if (kind === "update") this.#update(table, record);
    else if (this.#records.get(table)!.size > 3) this.#remove(table, record);
  }

  #create(table: string): void {
    const keyType = this.#table(table).fields.get("id")!.type.name;
    const id = randomKeys(keyType, this.#dice, 1)[0]!;
    if (this.#records.get(table)!.has(String(id))) return;
    if (table === "Link" && (this.#pick("Alpha") === null || this.#pick("Gamma") === null)) return;
    this.#write(table, null, this.#linked(table, randomRecord(this.#table(table), id, this.#scope())));
  }

  #update(table: string, record: RecordValues): void {
    const fields = [...this.#table(table).fields.values()].filter((field) => field.kind === "stored" && field.name !== "id");
    const changed: Draft = { ...record };
    do {
      const common = ["color", "order", "note", "note", ...keyFields(this.#table(table))];
      const field = this.#dice.chance(0.5) ? this.#table(table).fields.get(this.#dice.pick(common))! : this.#dice.pick(fields);
      changed[field.name] = randomField(field, this.#table(table), this.#scope());
    } while (this.#dice.chance(0.3));
    if (this.#table(table).open && this.#dice.chance(0.2)) changed["extra"] = this.#dice.below(3);
    this.#write(table, record, this.#linked(table, changed));
  }

  /** With those that refer to it, which are removed or let go. */
  #remove(table: string, record: RecordValues): void {
    for (const other of this.#app.catalog.tables.values()) {
      for (const { relation } of other.fields.values()) {
        if (relation?.kind !== "one" || relation.table !== table) continue;
        for (const child of this.#records.get(other.name)!.values()) {
          if (child[relation.from] === null || String(child[relation.from]) !== String(record["id"]) || child["id"] === record["id"]) continue;
          if (other.fields.get(relation.from)!.type.required || this.#dice.chance(0.3)) this.#remove(other.name, child);
          else this.#write(other.name, child, { ...child, [relation.from]: null });
        }
      }
    }
    this.#write(table, this.#records.get(table)!.get(String(record["id"])) ?? null, null);
  }

  /** With keys that lead to records which are there. */
  #linked(table: string, record: RecordValues): RecordValues {
    const linked: Draft = { ...record };
    for (const field of this.#table(table).fields.values()) {
      const { relation } = field;
      if (relation?.kind !== "one") continue;
      const key = linked[relation.from] ?? null;
      const own = relation.table === table && String(key) === String(record["id"]);
      if (key === null || own || this.#records.get(relation.table)!.has(String(key))) continue;
      const there = this.#pick(relation.table);
      linked[relation.from] = this.#required(table, relation.from) && there !== null ? there["id"]! : null;
    }
    return linked;
  }

  #required(table: string, field: string): boolean {
    return this.#table(table).fields.get(field)!.type.required;
  }

  #write(table: string, old: RecordValues | null, after: RecordValues | null): void {
    if (old === null && after === null) return;
    const { connection, catalog } = this.#app.database;
    const codec = recordCodec(this.#table(table), catalog);
    const key = (old ?? after)!["id"]!;
    connection.run(codec.deleteSql, codec.key(key));
    const records = this.#records.get(table)!;
    if (after === null) records.delete(String(key));
    else {
      connection.run(codec.insertSql, ...codec.encode(image(after)!, 1, (after["$expires"] ?? null) as string | null));
      records.set(String(key), after);
    }
    this.#changes.push({ table, id: key, old, new: after });
  }

  #pick(table: string): RecordValues | null {
    const records = [...this.#records.get(table)!.values()];
    return records.length === 0 ? null : this.#dice.pick(records);
  }

  #table(name: string): Table {
    return this.#app.database.table(name);
  }

  #scope(): RecordScope {
    const keys = new Map([...this.#records].map(([table, records]) => [table, records.size === 0 ? [null] : [...records.values()].map((record) => record["id"]!)]));
    return { dice: this.#dice, keys, catalog: this.#app.catalog };
  }
}

function keyFields({ fields }: Table): string[] {
  return [...fields.values()].flatMap(({ relation }) => (relation?.kind === "one" ? [relation.from] : []));
}

function image(record: RecordValues | null): RecordValues | null {
  if (record === null) return null;
  const { $expires: _, ...values } = record;
  return values;
}

