// Signs checkpoints of the audit log when enough records or time have passed and when the app stops, keeps them, and gives them to others:
// files, and addresses through the outbox. One for the life of the process; its settings may change with a reload.
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import type { Limits } from "../../base/limits.ts";
import { describeError, type Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditKeys, auditSize, checkpointsFrom, dropSeeds, keepAuditKey, keepCheckpoint, lastCheckpoint, noteExported, recordsFrom, waitingCheckpoints, type CheckpointRow } from "../../storage/decision-rows.ts";
import type { Storage } from "../../storage/open-storage.ts";
import { addDelivery } from "../../storage/outbox.ts";
import { appendRecord, nodeAt } from "./append-record.ts";
import { checkpointKey, signCheckpoint, signText, verifierKey, type CheckpointKey } from "./checkpoint.ts";
import { rootOf } from "./merkle-tree.ts";

export interface CheckpointSettings {
  /** Of the log; null: after its first key. */
  readonly name: string | null;
  /** 32 bytes; null: made once and kept with the data. */
  readonly key: Uint8Array | null;
  readonly formerKey: Uint8Array | null;
  readonly files: readonly string[];
  readonly urls: readonly string[];
  readonly limits: Pick<Limits, "auditCheckpointRecords" | "auditCheckpointMs">;
}

export interface CheckpointParts {
  readonly storage: Pick<Storage, "reader" | "commit">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: () => CheckpointSettings;
  /** Adds to the file, durably. Throws what the system says. */
  readonly addToFile: (path: string, text: string) => void;
  /** Something was added to the outbox. */
  readonly sent: () => void;
}

const SEED_BYTES = 32;
/** How often it is looked whether one is due. */
const LOOK_MS = 1_000;
const EXPORTED_AT_ONCE = 100;

export class Checkpoints {
  readonly #parts: CheckpointParts;
  #cancel: () => void = () => {};
  #isStopped = false;
  #making: Promise<void> = Promise.resolve();

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#cancel = this.#parts.clock.schedule(LOOK_MS, () => void this.#look().finally(() => { if (!this.#isStopped) this.start(); }));
  }

  /** What has no checkpoint gets one. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    try {
      await this.make();
    } catch (error) {
      this.#parts.log.error("checkpoint-failed", describeError(error));
    }
  }

  /** The keys that have signed, oldest first. */
  verifiers(): readonly string[] {
    return auditKeys(this.#parts.storage.reader).map(({ verifier }) => verifier);
  }

  /** The smallest that has the record in it, made now if there is none. */
  async covering(number: number): Promise<CheckpointRow> {
    const { reader } = this.#parts.storage;
    const known = checkpointsFrom(reader, number + 1, 1)[0];
    if (known !== undefined) return known;
    await this.make();
    return checkpointsFrom(reader, number + 1, 1)[0]!;
  }

  /** Of all records, and given to whoever is to have it. */
  make(): Promise<void> {
    const making = this.#making.catch(() => {}).then(() => this.#make());
    this.#making = making;
    return making;
  }

  async #look(): Promise<void> {
    const { storage: { reader }, clock, log, settings } = this.#parts;
    const { auditCheckpointRecords, auditCheckpointMs } = settings().limits;
    try {
      const signed = lastCheckpoint(reader)?.size ?? 0;
      const missing = auditSize(reader) - signed;
      const firstMs = missing > 0 ? recordsFrom(reader, signed, 1)[0]!.timeMs : null;
      const isDue = missing >= auditCheckpointRecords || (firstMs !== null && clock.now() - firstMs >= auditCheckpointMs);
      if (isDue) await this.make();
      else if (waitingCheckpoints(reader, 1).length > 0) await this.#export();
    } catch (error) {
      log.error("checkpoint-failed", describeError(error));
    }
  }

  async #make(): Promise<void> {
    const { storage, clock, settings, sent } = this.#parts;
    const { urls } = settings();
    if (auditSize(storage.reader) === (lastCheckpoint(storage.reader)?.size ?? 0)) return;
    await storage.commit((connection) => {
      const key = this.#key(connection);
      const size = auditSize(connection);
      const note = signCheckpoint(originOf(key), { size, root: rootOf(size, (level, index) => nodeAt(connection, level, index)) }, key);
      keepCheckpoint(connection, { size, timeMs: clock.now(), note });
      for (const url of urls) this.#send(connection, url, { size, note });
    });
    if (urls.length > 0) sent();
    await this.#export();
  }

  /** Once in the outbox it is there by its key, so that a repeated commit sends nothing twice. */
  #send(connection: Connection, url: string, { size, note }: { readonly size: number; readonly note: string }): void {
    const nowMs = this.#parts.clock.now();
    addDelivery(connection, {
      scope: "", key: `checkpoint-${size}-${createHash("sha256").update(url).digest("hex").slice(0, 16)}`, order: JSON.stringify(["", `checkpoints ${url}`]), host: new URL(url).host,
      dueMs: nowMs, created: dateTimeOf(nowMs), body: Buffer.from(note),
      request: { url, method: "POST", headers: { "content-type": "text/plain; charset=utf-8" }, sign: null, bearer: null, attempts: null, giveUpOn: [], then: null },
      sender: { kind: "system", subject: null, roles: [], tenant: null, claims: {}, requestId: "checkpoint" },
    });
  }

  async #export(): Promise<void> {
    const { storage, settings, addToFile } = this.#parts;
    const waiting = waitingCheckpoints(storage.reader, EXPORTED_AT_ONCE);
    const last = waiting.at(-1);
    if (last === undefined) return;
    for (const file of settings().files) addToFile(file, waiting.map(({ note }) => note).join(""));
    await storage.commit((connection) => noteExported(connection, last.size));
  }

  /** What signs now. Another one than before is told to the log by both, in a record of its own. */
  #key(connection: Connection): CheckpointKey {
    const { settings, random, clock } = this.#parts;
    const { name, key: configured, formerKey } = settings();
    const before = auditKeys(connection).at(-1);
    const seed = configured ?? before?.seed ?? random.bytes(SEED_BYTES);
    const key = checkpointKey(name ?? (before === undefined ? ownName(seed) : before.verifier.split("+")[0]!), seed);
    const verifier = verifierKey(key);
    if (before?.verifier === verifier) return key;
    const number = auditSize(connection);
    if (before !== undefined) {
      const text = `${before.verifier}\n${verifier}\n${number}\n`;
      const old = [before.seed, formerKey].map((one) => (one === null ? null : checkpointKey(before.verifier.split("+")[0]!, one))).find((one) => one !== null && verifierKey(one) === before.verifier);
      appendRecord(connection, {
        run: "", timeMs: clock.now(), payloads: {},
        facts: { kind: "key", from: before.verifier, to: verifier, signedByFormer: old === undefined || old === null ? null : signText(text, old), signed: signText(text, key) },
      }, random);
    }
    keepAuditKey(connection, { number, verifier, seed: configured === null ? seed : null });
    dropSeeds(connection, number);
    return key;
  }
}

/** Of the tree: of this app, and its only partition. */
function originOf({ name }: CheckpointKey): string {
  return `${name}/0`;
}

function ownName(seed: Uint8Array): string {
  return `ambit-${createHash("sha256").update("name of the log").update(seed).digest("hex").slice(0, 12)}`;
}
