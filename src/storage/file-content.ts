// Where the bytes of files are kept, by the SHA-256 of what they are. Contents never change: one hash, one content, however often it came.

export interface FileContent {
  /** Durable when it resolves. `path`: a file on the local disk with just this content, synced, which may be taken away. */
  put(hash: string, path: string): Promise<void>;
  /** Bytes `start` to before `end`. Throws DATA_DAMAGED where the content is not there, UNAVAILABLE where it cannot be asked for. */
  open(hash: string, range: { readonly start: number; readonly end: number }): Promise<ReadableStream<Uint8Array>>;
  /** Also where it is not there. */
  remove(hash: string): Promise<void>;
  has(hash: string): Promise<boolean>;
  /** Null where others may keep theirs in the same place, so that what is not known here may be theirs. */
  readonly folder: ContentFolder | null;
}

/** Contents that are all of one data directory. */
export interface ContentFolder {
  /** Hashes that begin with two hexadecimal digits. */
  list(prefix: string): Promise<readonly string[]>;
  /** Since when it is there, by the machine's clock; null: it is not. */
  sinceMs(hash: string): Promise<number | null>;
}

const HASH = /^[0-9a-f]{64}$/;

export function isHash(text: string): boolean {
  return HASH.test(text);
}
