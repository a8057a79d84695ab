// Holds an audit log against itself and against checkpoints: names the first record that is not what it was, else between which checkpoints
// something changed. Reads everything once, in order; changes nothing, and trusts no stored hash.
import { fault } from "../../base/error.ts";
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditKeys, checkpointsFrom, firstLeafFrom, readNode, readRun, recordsFrom, type AuditRow } from "../../storage/decision-rows.ts";
import { payloadsOf, type Members } from "./payloads.ts";
import { isSignedText, readCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { KeptLeaf } from "./export-log.ts";
import { emptyRoot, leafHash, nodeHash, type Hash } from "./merkle-tree.ts";

export interface AuditProblem {
  /** record: this one. range: one of these. missing: these are gone. checkpoint: it is none of this log's. key: nobody vouches for it. */
  readonly kind: "record" | "range" | "missing" | "checkpoint" | "key";
  /** Numbers of records; `to` is not among them. */
  readonly from: number;
  readonly to: number;
  readonly run: string | null;
  readonly message: string;
}

export interface AuditReport {
  readonly records: number;
  /** Base64. */
  readonly root: string;
  /** Checkpoints that were held against it. */
  readonly checkpoints: number;
  /** Payloads that were erased. */
  readonly erased: number;
  /** The first. */
  readonly problem: AuditProblem | null;
}

export interface VerifyOptions {
  /** Checkpoints that were kept elsewhere. */
  readonly notes: readonly string[];
  /** Who may have signed; null: as the data file says itself. */
  readonly verifiers: readonly string[] | null;
  /** Leaves that were kept elsewhere, in order; absent: none. Null among them: something that is none. */
  readonly leaves?: Iterable<KeptLeaf | null> | null;
}

const PAGE = 1_000;

export function verifyLog(connection: Connection, options: VerifyOptions): AuditReport {
  return new LogCheck(connection, options).run();
}

/** What is wrong with a record, or how many of its payloads are not there any more. */
type Found = { readonly problem: string } | { readonly erased: number };

class LogCheck {
  readonly #connection: Connection;
  readonly #verifiers: readonly string[];
  readonly #isOwnTrust: boolean;
  readonly #notes: readonly string[];
  readonly #leaves: Iterator<KeptLeaf | null> | null;
  #leaf: KeptLeaf | null = null;
  /** By size, smallest first. */
  #expected: readonly Checkpoint[] = [];
  #next = 0;
  #good = 0;
  #erased = 0;
  /** Complete subtrees from the left, largest first. */
  readonly #frontier: { level: number; hash: Hash }[] = [];
  #size = 0;

  constructor(connection: Connection, { notes, verifiers, leaves = null }: VerifyOptions) {
    this.#connection = connection;
    this.#leaves = leaves?.[Symbol.iterator]() ?? null;
    this.#leaf = this.#nextLeaf();
    this.#isOwnTrust = verifiers === null;
    this.#verifiers = verifiers ?? auditKeys(connection).map(({ verifier }) => verifier);
    this.#notes = notes;
  }

  run(): AuditReport {
    const problem = this.#readCheckpoints() ?? this.#walk() ?? this.#beyond();
    return { records: this.#size, root: Buffer.from(this.#root()).toString("base64"), checkpoints: this.#next, erased: this.#erased, problem };
  }

  #readCheckpoints(): AuditProblem | null {
    const stored: string[] = [];
    for (let from = 0; ;) {
      const page = checkpointsFrom(this.#connection, from, PAGE);
      stored.push(...page.map(({ note }) => note));
      if (page.length < PAGE) break;
      from = page.at(-1)!.size + 1;
    }
    const read: Checkpoint[] = [];
    for (const [index, note] of [...stored, ...this.#notes].entries()) {
      const checkpoint = this.#verifiers.map((verifier) => readCheckpoint(note, verifier)).find((one) => one !== null);
      const where = index < stored.length ? "A stored checkpoint" : "The given checkpoint";
      if (checkpoint === undefined || checkpoint === null) return { kind: "checkpoint", from: 0, to: 0, run: null, message: `${where} (${note.split("\n")[1] ?? ""} records) is not signed by a key of this log.` };
      read.push(checkpoint);
    }
    this.#expected = read.sort((left, right) => left.size - right.size);
    return null;
  }

  #walk(): AuditProblem | null {
    for (;;) {
      const rows = recordsFrom(this.#connection, this.#size, PAGE);
      for (const row of rows) {
        const problem = this.#record(row) ?? this.#checkpoint();
        if (problem !== null) return problem;
      }
      if (rows.length < PAGE) return null;
    }
  }

  #record(row: AuditRow): AuditProblem | null {
    const number = this.#size;
    if (row.number !== number) return { kind: "missing", from: number, to: row.number, run: null, message: `Record ${number} is not there; the next one is ${row.number}.` };
    const leaf = leafHash(Buffer.from(row.record));
    const stored = readNode(this.#connection, 0, number);
    if (stored === null || Buffer.compare(stored, leaf) !== 0) return this.#wrong(row, "it is not what its leaf was made of");
    if (this.#leaf?.number === number) {
      if (this.#leaf.leaf !== Buffer.from(leaf).toString("base64")) return this.#wrong(row, "its leaf is not the one that was kept elsewhere");
      this.#leaf = this.#nextLeaf();
    }
    const found = this.#contents(row);
    if ("problem" in found) return this.#wrong(row, found.problem);
    this.#erased += found.erased;
    return this.#append(leaf);
  }

  #nextLeaf(): KeptLeaf | null {
    const next = this.#leaves?.next();
    if (next === undefined || next.done === true) return null;
    if (next.value === null) throw fault("USAGE", "The file with leaves is no export of the audit log.", { fix: "Name a file that ambit audit export has written." });
    return next.value;
  }

  #wrong({ number, run }: AuditRow, why: string): AuditProblem {
    return { kind: "record", from: number, to: number + 1, run: run === "" ? null : run, message: `Record ${number} was changed: ${why}.` };
  }

  /** What it says of itself, of its run and of its payloads. */
  #contents(row: AuditRow): Found {
    const record = parsed(row.record);
    if (record === null || canonicalJson(record) !== row.record || record["run"] !== row.run) return { problem: "it is no record" };
    if (record["kind"] === "key") return isVouchedFor(record, row.number) ? { erased: 0 } : { problem: "the key before it does not vouch for its key" };
    const run = readRun(this.#connection, row.run);
    if (run !== null && run.leaf === row.number && (run.state !== record["state"] || run.reason !== record["reason"] || run.source !== record["source"] || run.name !== record["decision"])) return { problem: "its run says otherwise" };
    const payloads = payloadsOf(this.#connection, row.number, record);
    let erased = 0;
    for (const name of Object.keys((record["commitments"] ?? {}) as Members)) {
      const payload = payloads.get(name);
      if (payload === undefined) erased++;
      else if (!payload.isCommitted) return { problem: `its ${name} is not what it committed to` };
    }
    return { erased };
  }

  /** Into the tree; each node that becomes complete is held against the stored one. */
  #append(leaf: Hash): AuditProblem | null {
    this.#frontier.push({ level: 0, hash: leaf });
    this.#size++;
    for (;;) {
      const [left, right] = this.#frontier.slice(-2);
      if (left === undefined || right === undefined || left.level !== right.level) return null;
      const level = left.level + 1;
      const hash = nodeHash(left.hash, right.hash);
      this.#frontier.splice(-2, 2, { level, hash });
      const stored = readNode(this.#connection, level, this.#size / 2 ** level - 1);
      if (stored === null || Buffer.compare(stored, hash) !== 0) return this.#rewritten(this.#size - 2 ** level, this.#size);
    }
  }

  #rewritten(from: number, to: number): AuditProblem {
    return { kind: "range", from, to, run: null, message: `A record from ${from} to ${to - 1} was rewritten together with its hash.` };
  }

  #root(): Hash {
    return this.#frontier.length === 0 ? emptyRoot : this.#frontier.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right));
  }

  #checkpoint(): AuditProblem | null {
    for (let next = this.#expected[this.#next]; next !== undefined && next.size <= this.#size; next = this.#expected[this.#next]) {
      if (next.size === this.#size && Buffer.compare(next.root, this.#root()) !== 0) return this.#rewritten(this.#good, next.size);
      this.#good = next.size;
      this.#next++;
    }
    return null;
  }

  /** What there must be after the last record. */
  #beyond(): AuditProblem | null {
    if (this.#leaf !== null) return { kind: "missing", from: this.#size, to: this.#leaf.number + 1, run: null, message: `The log ends after ${this.#size} records, and a leaf of record ${this.#leaf.number} was kept elsewhere.` };
    const missing = (to: number, message: string): AuditProblem => ({ kind: "missing", from: this.#size, to, run: null, message });
    const later = this.#expected.at(-1);
    if (later !== undefined && later.size > this.#size) return missing(later.size, `The log ends after ${this.#size} records, and a checkpoint has ${later.size}: records from ${this.#size} on are missing.`);
    const leaf = firstLeafFrom(this.#connection, this.#size);
    if (leaf !== null || readNode(this.#connection, 0, this.#size) !== null) return missing(this.#size + 1, `Record ${this.#size} is missing: the log ends before it.`);
    const [last] = this.#isOwnTrust ? [] : auditKeys(this.#connection).slice(-1);
    if (last !== undefined && !this.#verifiers.includes(last.verifier)) return { kind: "key", from: last.number, to: this.#size, run: null, message: `Checkpoints from record ${last.number} on are signed by ${last.verifier}.` };
    return null;
  }
}

function parsed(text: string): { readonly [name: string]: Json } | null {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value as { readonly [name: string]: Json } : null;
  } catch {
    return null;
  }
}

/** A key that comes after another: by itself, and by the other where it was still there. */
function isVouchedFor(record: { readonly [name: string]: Json }, number: number): boolean {
  const { from, to, signed, signedByFormer } = record;
  if (typeof from !== "string" || typeof to !== "string" || typeof signed !== "string") return false;
  const text = `${from}\n${to}\n${number}\n`;
  return isSignedText(text, signed, to) && (signedByFormer === null || (typeof signedByFormer === "string" && isSignedText(text, signedByFormer, from)));
}
