// Where a browser keeps mutations that wait: its localStorage or an IndexedDB. One name for each account, or one would send what another wrote.
import type { MutationStorage, StoredMutation } from "./mutation-queue.ts";

/** The part of `localStorage` that is used. */
export interface TextStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
  removeItem(key: string): void;
}

/** A few megabytes, at once. */
export function localMutations(name: string, storage?: TextStorage): MutationStorage {
  const prefix = `ambit:${name}:`;
  // Asked for when it is used: a server that renders pages has none.
  const held = (): TextStorage => {
    const place = storage ?? (globalThis as { readonly localStorage?: TextStorage }).localStorage;
    if (place === undefined) throw new TypeError("There is no localStorage here.");
    return place;
  };
  return {
    load() {
      const place = held();
      const keys = Array.from({ length: place.length }, (_, index) => place.key(index)).filter((key) => key?.startsWith(prefix) === true);
      return keys.flatMap((key) => {
        const text = place.getItem(key!);
        return text === null ? [] : [JSON.parse(text) as StoredMutation];
      });
    },
    put: (mutation) => held().setItem(prefix + mutation.key, JSON.stringify(mutation)),
    remove: (key) => held().removeItem(prefix + key),
  };
}

/** The parts of an IndexedDB that are used. */
interface Request<Result> { readonly result: Result; readonly error: unknown; addEventListener(type: string, listener: () => void): void }
interface Store { getAll(): Request<unknown>; put(value: object): Request<unknown>; delete(key: string): Request<unknown> }
interface Transaction { readonly error: unknown; objectStore(name: string): Store; addEventListener(type: string, listener: () => void): void }
interface Database { createObjectStore(name: string, options: object): unknown; transaction(names: string, mode: "readonly" | "readwrite", options: object): Transaction }
interface Databases { open(name: string, version: number): Request<Database> }

const STORE = "mutations";

/** As much as the browser gives. */
export function indexedMutations(name: string): MutationStorage {
  let opening: Promise<Database> | null = null;
  const open = (): Promise<Database> => opening ??= new Promise((resolve, reject) => {
    const { indexedDB } = globalThis as unknown as { readonly indexedDB: Databases };
    const request = indexedDB.open(`ambit:${name}`, 1);
    request.addEventListener("upgradeneeded", () => { request.result.createObjectStore(STORE, { keyPath: "key" }); });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("The database could not be opened.")));
  });
  const within = async (mode: "readonly" | "readwrite", work: (store: Store) => Request<unknown>): Promise<unknown> => {
    const transaction = (await open()).transaction(STORE, mode, { durability: "strict" });
    const request = work(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.addEventListener("complete", () => resolve(request.result));
      transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("The mutation could not be kept.")));
    });
  };
  return {
    load: async () => await within("readonly", (store) => store.getAll()) as StoredMutation[],
    put: async (mutation) => { await within("readwrite", (store) => store.put(mutation)); },
    remove: async (key) => { await within("readwrite", (store) => store.delete(key)); },
  };
}
