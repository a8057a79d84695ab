// What a record commits to without saying it: payloads by name, with a salt each, kept beside the record in one text and erasable together. Made and read
// here alone, so that what a commitment was made of is found again byte for byte.
import { hash } from "node:crypto";
import type { Json } from "../../base/value.ts";
import type { Random } from "../../base/random.ts";
import { spansAt } from "../../models/json-spans.ts";
import type { Connection } from "../../storage/connection.ts";
import { readPayloads, type KeptPayloads } from "../../storage/decision-rows.ts";
import { canonicalJson } from "../../base/canonical-json.ts";

export type Members = { readonly [name: string]: Json };

const SALT_BYTES = 32;

/** `kept` null: there are none. */
export function committed(payloads: Members, random: Random): { readonly commitments: { readonly [name: string]: string }; readonly kept: KeptPayloads | null } {
  const names = Object.keys(payloads).sort();
  if (names.length === 0) return { commitments: {}, kept: null };
  const salts = random.bytes(names.length * SALT_BYTES);
  const members = names.map((name) => ({ name, data: canonicalJson(payloads[name]!) }));
  const commitments = Object.fromEntries(members.map(({ name, data }, index) => [name, commitment(saltAt(salts, index), data)]));
  return { commitments, kept: { salts, payloads: textOf(members) } };
}

/** SHA-256 over salt and bytes, hex. */
export function commitment(salt: Uint8Array, data: string): string {
  const bytes = Buffer.allocUnsafe(salt.length + Buffer.byteLength(data));
  bytes.set(salt);
  bytes.write(data, salt.length);
  return hash("sha256", bytes, "hex");
}

export interface Payload { /** As it was written. */ readonly data: string; /** It is what the record has committed to. */ readonly isCommitted: boolean }

/** Those that are there still, of the names that `record` commits to. */
export function payloadsOf(connection: Connection, number: number, record: Members): ReadonlyMap<string, Payload> {
  const kept = readPayloads(connection, number);
  const commitments = (record["commitments"] ?? {}) as Members;
  if (kept === null) return new Map();
  const { salts, payloads } = kept;
  const names = Object.keys(commitments).sort();
  // Nothing in it can be told apart.
  if (!isObject(payloads)) return new Map(names.map((name) => [name, { data: payloads, isCommitted: false }]));
  const found = spansAt(payloads, names.map((name) => [name])).map(({ start, end, path: [name = ""] }) => ({ name, data: payloads.slice(start, end) }));
  const isWhole = textOf(found) === payloads;
  return new Map(found.map(({ name, data }) => [name, { data, isCommitted: isWhole && commitment(saltAt(salts, names.indexOf(name)), data) === commitments[name] }]));
}

function textOf(members: readonly { readonly name: string; readonly data: string }[]): string {
  return `{${members.map(({ name, data }) => `${canonicalJson(name)}:${data}`).join(",")}}`;
}

function saltAt(salts: Uint8Array, index: number): Uint8Array {
  return salts.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES);
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
