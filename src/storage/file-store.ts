// Files on their way in and out: an upload is written to the local disk while it comes, then noted in the data file, then put where
// contents are kept, then answered. In that order, so that no content is there that nobody knows of, and none is missing that was told.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../base/error.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { FILES_FOLDER } from "./disk-files.ts";
import type { FileContent } from "./file-content.ts";
import { syncDirectory } from "./private-file.ts";
import { writeFailure } from "./write-failure.ts";

/** A whole file on the local disk, synced, that nobody knows of yet. */
export interface ReceivedFile {
  readonly path: string;
  /** SHA-256, hex. */
  readonly hash: string;
  readonly size: number;
  /** Its first bytes, at most HEAD_BYTES. */
  readonly head: Uint8Array;
}

export const HEAD_BYTES = 4_100;
const INCOMING_FOLDER = "incoming";

export interface FileStoreOptions {
  /** The data directory, which this process has for itself. */
  readonly directory: string;
  readonly content: FileContent;
  readonly random: Random;
  readonly clock: Clock;
}

export class FileStore {
  readonly #incoming: string;
  readonly #content: FileContent;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #directory: string;
  /** Contents of files that come with a record which is not committed yet, if ever; and since when. */
  readonly #unnoted = new Map<string, number>();
  /** By hash: who puts or removes a content waits for whoever does so just now. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #receiving = 0;
  #receivedBytes = 0;
  #received = 0;

  constructor({ directory, content, random, clock }: FileStoreOptions) {
    this.#directory = directory;
    this.#clock = clock;
    this.#incoming = join(directory, FILES_FOLDER, INCOMING_FOLDER);
    this.#content = content;
    this.#random = random;
    // Whoever was writing these is gone.
    if (existsSync(this.#incoming)) for (const name of readdirSync(this.#incoming)) rmSync(join(this.#incoming, name), { force: true });
  }

  /** Throws BODY_TOO_LARGE, OVERLOADED, STORAGE_FULL, and why `signal` was aborted; nothing is left then. */
  async receive(source: ReadableStream<Uint8Array>, bounds: { readonly bytes: number; readonly atOnce: number; readonly signal: AbortSignal }): Promise<ReceivedFile> {
    if (this.#receiving >= bounds.atOnce) throw fault("OVERLOADED", "Too many files are coming in.", { retryAfterS: 1, headers: { connection: "close" } });
    this.#receiving++;
    const path = join(this.#incoming, Buffer.from(this.#random.bytes(16)).toString("hex"));
    try {
      if (await mkdir(this.#incoming, { recursive: true, mode: 0o700 }) !== undefined) syncDirectory(this.#directory);
      const received = { path, ...await writeAll(source, path, bounds) };
      this.#received++;
      this.#receivedBytes += received.size;
      return received;
    } catch (error) {
      await rm(path, { force: true });
      throw writeFailure(error, "files");
    } finally {
      this.#receiving--;
    }
  }

  /** Has what was received noted, then takes it among the contents. `note` null: that comes with a record. The received file is gone in any case. */
  async keep({ path, hash }: ReceivedFile, note: (() => Promise<unknown>) | null): Promise<void> {
    try {
      await this.#inTurn(hash, async () => {
        if (note === null) this.#unnoted.set(hash, this.#clock.now());
        else await note();
        try {
          await this.#content.put(hash, path);
        } catch (error) {
          throw writeFailure(error, "files");
        }
      });
    } finally {
      await rm(path, { force: true });
    }
  }

  /** It is not wanted after all. */
  async discard({ path }: ReceivedFile): Promise<void> {
    await rm(path, { force: true });
  }

  open(hash: string, range: { readonly start: number; readonly end: number }): Promise<ReadableStream<Uint8Array>> {
    return this.#content.open(hash, range);
  }

  /** Unless it is used. While that is asked and done nobody puts the same. True: it was removed. */
  removeUnused(hash: string, isUsed: () => boolean): Promise<boolean> {
    return this.#inTurn(hash, async () => {
      if (this.#unnoted.has(hash) || isUsed()) return false;
      await this.#content.remove(hash);
      return true;
    });
  }

  /** Contents that came without a note longer than `ageMs` ago: if nothing uses them by now, nothing will. */
  takeUnnoted(ageMs: number): string[] {
    const before = this.#clock.now() - ageMs;
    const old = [...this.#unnoted].filter(([, since]) => since <= before).map(([hash]) => hash);
    for (const hash of old) this.#unnoted.delete(hash);
    return old;
  }

  has(hash: string): Promise<boolean> {
    return this.#content.has(hash);
  }

  /** As FileContent. */
  get folder(): FileContent["folder"] {
    return this.#content.folder;
  }

  stats(): { readonly receiving: number; readonly receivedTotal: number; readonly receivedBytesTotal: number } {
    return { receiving: this.#receiving, receivedTotal: this.#received, receivedBytesTotal: this.#receivedBytes };
  }

  async #inTurn<Result>(hash: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(hash) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.catch(() => {});
    this.#turns.set(hash, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(hash) === settled) this.#turns.delete(hash);
    }
  }
}

/** Piece by piece: no more of it is in memory than one. */
async function writeAll(source: ReadableStream<Uint8Array>, path: string, { bytes, signal }: { readonly bytes: number; readonly signal: AbortSignal }): Promise<Omit<ReceivedFile, "path">> {
  const hasher = new Bun.CryptoHasher("sha256");
  const reader = source.getReader();
  const head = new Uint8Array(HEAD_BYTES);
  let size = 0;
  let file: FileHandle | null = null;
  const end = (): void => { void reader.cancel(signal.reason).catch(() => {}); };
  signal.addEventListener("abort", end, { once: true });
  try {
    file = await open(path, "wx", 0o600);
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await nextPiece(reader);
      signal.throwIfAborted();
      if (done) break;
      if (size + value.length > bytes) throw fault("BODY_TOO_LARGE", `A file here has at most ${bytes} bytes.`, { fix: "Send a smaller file, or raise limits.fileBytes and the @length of the field.", headers: { connection: "close" } });
      if (size < HEAD_BYTES) head.set(value.subarray(0, HEAD_BYTES - size), size);
      size += value.length;
      hasher.update(value);
      for (let at = 0; at < value.length;) at += (await file.write(value, at)).bytesWritten;
    }
    await file.sync();
    return { hash: hasher.digest("hex"), size, head: head.subarray(0, Math.min(size, HEAD_BYTES)) };
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
    await file?.close();
  }
}

type Piece = { readonly done: true; readonly value?: undefined } | { readonly done: false; readonly value: Uint8Array };

async function nextPiece(reader: { read(): Promise<unknown> }): Promise<Piece> {
  try {
    return await reader.read() as Piece;
  } catch (error) {
    throw fault("MALFORMED_BODY", "The connection ended before the file was complete.", { cause: error, headers: { connection: "close" } });
  }
}
