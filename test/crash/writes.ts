// The writes of one writer in the kill test: each with the request that makes it and what the writer's own records are after it.
import type { Random } from "../../src/base/random.ts";
import { accounts, counter } from "./crash-app.ts";

export interface Note {
  readonly id: string;
  readonly owner: string;
  readonly folderId: string;
  readonly code: string;
  readonly title: string;
  readonly place: { readonly lat: number; readonly lon: number } | null;
  readonly price: string | null;
  readonly hits: number;
  readonly tags: readonly string[] | null;
  readonly facts: unknown;
}

/** The records of one writer; nobody else touches them. */
export interface Owned { readonly notes: ReadonlyMap<string, Note>; readonly folders: ReadonlySet<string> }

export interface PlannedWrite {
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** What is there once it happened. */
  readonly after: Owned;
  /** Of a transfer or hit: stands in the record that it leaves. */
  readonly reference: string | null;
  /** Refusals by the app that are as good as an answer. */
  readonly refusals: readonly string[];
}

const WORDS = ["crane", "harbour", "lantern", "meadow", "orchard", "pebble", "quarry", "river", "saddle", "timber"] as const;
const NOTES_MAX = 40;

/** Plans the writes of one writer. Names of records are never used twice. */
export class WritePlanner {
  readonly #owner: string;
  readonly #random: Random;
  #count = 0;

  constructor(owner: string, random: Random) {
    this.#owner = owner;
    this.#random = random;
  }

  next(owned: Owned): PlannedWrite {
    const kinds = owned.folders.size === 0 ? [this.#addFolder] : owned.notes.size === 0 ? [this.#create] : this.#kindsFor(owned);
    return this.#pick(kinds).call(this, owned);
  }

  #kindsFor(owned: Owned): readonly ((owned: Owned) => PlannedWrite)[] {
    const growing = owned.notes.size < NOTES_MAX ? [this.#create, this.#create, this.#createMany, this.#replace, this.#upsert, this.#addFolder] : [this.#removeMany, this.#removeFolder];
    return [...growing, this.#patch, this.#patch, this.#patchMany, this.#swapCodes, this.#remove, this.#removeMany, this.#removeFolder, this.#transfer, this.#transfer, this.#hit, this.#hit, this.#moment];
  }

  #addFolder({ notes, folders }: Owned): PlannedWrite {
    const id = this.#name("folder");
    return this.#write("create", { method: "POST", path: "/Folder", body: { id, owner: this.#owner } }, { notes, folders: new Set([...folders, id]) });
  }

  #create(owned: Owned): PlannedWrite {
    const note = this.#note(owned);
    const write = this.#write("create", { method: "POST", path: "/Note", body: note }, withNotes(owned, [note]));
    return { ...write, headers: { ...write.headers, prefer: "return=representation" } };
  }

  #createMany(owned: Owned): PlannedWrite {
    const notes = Array.from({ length: 2 + this.#below(6) }, () => this.#note(owned));
    return this.#write("create many", { method: "POST", path: "/Note", body: notes }, withNotes(owned, notes));
  }

  /** PUT, on a record that is there or not. */
  #replace(owned: Owned): PlannedWrite {
    const note = this.#note(owned, this.#below(3) === 0 ? undefined : this.#pick([...owned.notes.values()]));
    return this.#write("replace", { method: "PUT", path: `/Note/${note.id}`, body: note }, withNotes(owned, [note]));
  }

  #upsert(owned: Owned): PlannedWrite {
    const notes = [this.#note(owned), this.#note(owned, this.#pick([...owned.notes.values()]))];
    return this.#merge("upsert", owned, notes);
  }

  /** Two unique values change places in one request. */
  #swapCodes(owned: Owned): PlannedWrite {
    const [first, second] = [...owned.notes.values()].slice(-2);
    if (first === undefined || second === undefined) return this.#patch(owned);
    return this.#merge("swap", owned, [{ ...first, code: second.code }, { ...second, code: first.code }]);
  }

  #patch(owned: Owned): PlannedWrite {
    const note = this.#pick([...owned.notes.values()]);
    const patch = { title: this.#title(), hits: note.hits + 1, place: this.#place() };
    return this.#write("update", { method: "PATCH", path: `/Note/${note.id}`, body: patch }, withNotes(owned, [{ ...note, ...patch }]));
  }

  #patchMany(owned: Owned): PlannedWrite {
    const { folderId } = this.#pick([...owned.notes.values()]);
    const patch = { title: this.#title(), tags: [this.#pick(WORDS)] };
    const changed = [...owned.notes.values()].filter((note) => note.folderId === folderId).map((note) => ({ ...note, ...patch }));
    return this.#write("update many", { method: "PATCH", path: `/Note?folderId=eq.${folderId}`, body: patch }, withNotes(owned, changed));
  }

  #remove(owned: Owned): PlannedWrite {
    const { id } = this.#pick([...owned.notes.values()]);
    return this.#write("delete", { method: "DELETE", path: `/Note/${id}` }, withoutNotes(owned, (note) => note.id === id));
  }

  #removeMany(owned: Owned): PlannedWrite {
    const limit = 1 + this.#below(4);
    return this.#write("delete many", { method: "DELETE", path: `/Note?owner=eq.${this.#owner}&hits=gte.${limit}` }, withoutNotes(owned, (note) => note.hits >= limit));
  }

  /** Its notes go with it. */
  #removeFolder(owned: Owned): PlannedWrite {
    const folder = this.#pick([...owned.folders]);
    const { notes } = withoutNotes(owned, (note) => note.folderId === folder);
    return this.#write("delete with cascade", { method: "DELETE", path: `/Folder/${folder}` }, { notes, folders: new Set([...owned.folders].filter((one) => one !== folder)) });
  }

  #transfer(owned: Owned): PlannedWrite {
    const from = this.#pick(accounts);
    const reference = this.#name("transfer");
    const body = { to: this.#pick(accounts.filter((one) => one !== from)), amount: 1 + this.#below(90), reference };
    return { ...this.#write("action", { method: "POST", path: `/Account/${from}/transfer`, body }, owned), reference, refusals: ["INSUFFICIENT"] };
  }

  #hit(owned: Owned): PlannedWrite {
    const reference = this.#name("hit");
    return { ...this.#write("increment", { method: "POST", path: `/Counter/${counter}/hit`, body: { reference } }, owned), reference };
  }

  #moment(owned: Owned): PlannedWrite {
    return this.#write("create what expires", { method: "POST", path: "/Moment", body: { id: this.#name("moment"), owner: this.#owner } }, owned);
  }

  #merge(kind: string, owned: Owned, notes: readonly Note[]): PlannedWrite {
    const write = this.#write(kind, { method: "POST", path: "/Note", body: notes }, withNotes(owned, notes));
    return { ...write, headers: { ...write.headers, prefer: "resolution=merge-duplicates" } };
  }

  /** Half of the writes have a key. */
  #write(kind: string, request: Pick<PlannedWrite, "method" | "path" | "body">, after: Owned): PlannedWrite {
    const headers: Record<string, string> = this.#below(2) === 0 ? {} : { "idempotency-key": this.#name("key") };
    return { kind, ...request, headers, after, reference: null, refusals: [] };
  }

  #note(owned: Owned, old?: Note): Note {
    return {
      id: old?.id ?? this.#name("note"), owner: this.#owner, folderId: this.#pick([...owned.folders]), code: this.#name(this.#below(2) === 0 ? "Code" : "CODE"), title: this.#title(),
      place: this.#place(), price: this.#below(3) === 0 ? null : `${this.#below(1_000)}.5`, hits: this.#below(5), tags: this.#below(2) === 0 ? null : [this.#pick(WORDS), "é"],
      facts: this.#below(2) === 0 ? null : { of: this.#owner, list: [1, { deep: true }] },
    };
  }

  #title(): string {
    return `${this.#pick(WORDS)} ${this.#pick(WORDS)} ${this.#name("word")}`;
  }

  #place(): Note["place"] {
    return this.#below(3) === 0 ? null : { lat: this.#below(180) - 90, lon: this.#below(360) - 180 };
  }

  #name(kind: string): string {
    return `${kind}-${this.#owner}-${++this.#count}`;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }
}

function withNotes({ notes, folders }: Owned, changed: readonly Note[]): Owned {
  return { notes: new Map([...notes, ...changed.map((note) => [note.id, note] as const)]), folders };
}

function withoutNotes({ notes, folders }: Owned, isGone: (note: Note) => boolean): Owned {
  return { notes: new Map([...notes].filter(([, note]) => !isGone(note))), folders };
}
