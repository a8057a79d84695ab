// Checkpoints of the audit log: size and root of the tree as a signed note (C2SP tlog-checkpoint and signed-note, Ed25519). Whoever keeps one
// elsewhere can prove later that nothing before it was changed.
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import type { SizedRoot } from "./merkle-tree.ts";

export interface CheckpointKey {
  /** As it stands in signature lines. */
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** 32 bytes of seed. */
export function checkpointKey(name: string, seed: Uint8Array): CheckpointKey {
  return { name, privateKey: createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: "der", type: "pkcs8" }) };
}

/** The header of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");
const ED25519 = 1;
const DASH = "\u2014";

/** `NAME+HASH+KEY`, as verifiers of signed notes take it. */
export function verifierKey({ name, privateKey }: CheckpointKey): string {
  const key = rawPublic(createPublicKey(privateKey));
  return `${name}+${keyHash(name, key).toString("hex")}+${Buffer.concat([Uint8Array.of(ED25519), key]).toString("base64")}`;
}

/** `origin`: names the tree, of this app and partition. */
export function signCheckpoint(origin: string, { size, root }: SizedRoot, key: CheckpointKey): string {
  const text = `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
  const signature = sign(null, Buffer.from(text), key.privateKey);
  const hash = keyHash(key.name, rawPublic(createPublicKey(key.privateKey)));
  return `${text}\n${DASH} ${key.name} ${Buffer.concat([hash, signature]).toString("base64")}\n`;
}

/** Base64. */
export function signText(text: string, { privateKey }: CheckpointKey): string {
  return sign(null, Buffer.from(text), privateKey).toString("base64");
}

export function isSignedText(text: string, signature: string, verifier: string): boolean {
  const known = readVerifier(verifier);
  return known !== null && verify(null, Buffer.from(text), publicKey(known), Buffer.from(signature, "base64"));
}

/** Of a file to which notes were added one after the other. */
export function readNotes(text: string): string[] {
  return text.match(new RegExp(`[^\\n]+\\n(?:[^\\n]+\\n)+\\n(?:${DASH}[^\\n]*\\n)+`, "g")) ?? [];
}

export interface Checkpoint extends SizedRoot { readonly origin: string }

/** Null: it is no checkpoint, or not signed by that key. */
export function readCheckpoint(note: string, verifier: string): Checkpoint | null {
  const end = note.indexOf("\n\n");
  const known = readVerifier(verifier);
  if (end < 0 || known === null) return null;
  const text = note.slice(0, end + 1);
  const [origin, size, root, ...more] = text.split("\n");
  if (origin === undefined || origin === "" || !/^(?:0|[1-9]\d{0,15})$/.test(size ?? "") || root === undefined || more.length === 0) return null;
  const bytes = Buffer.from(root, "base64");
  if (bytes.length !== 32 || bytes.toString("base64") !== root) return null;
  const isSigned = note.slice(end + 2).split("\n").some((line) => isSignature(line, text, known));
  return isSigned ? { origin, size: Number(size), root: bytes } : null;
}

interface Verifier { readonly name: string; readonly hash: Buffer; readonly key: Buffer }

function isSignature(line: string, text: string, { name, hash, key }: Verifier): boolean {
  const found = new RegExp(`^${DASH} (\\S+) (\\S+)$`).exec(line);
  if (found === null || found[1] !== name) return false;
  const bytes = Buffer.from(found[2]!, "base64");
  if (bytes.length !== 68 || !bytes.subarray(0, 4).equals(hash)) return false;
  return verify(null, Buffer.from(text), publicKey({ key }), bytes.subarray(4));
}

function publicKey({ key }: Pick<Verifier, "key">): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_ED25519, key]), format: "der", type: "spki" });
}

function readVerifier(text: string): Verifier | null {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text);
  if (found === null) return null;
  const bytes = Buffer.from(found[3]!, "base64");
  const [hash, key] = [Buffer.from(found[2]!, "hex"), bytes.subarray(1)];
  return bytes.length === 33 && bytes[0] === ED25519 && keyHash(found[1]!, key).equals(hash) ? { name: found[1]!, hash, key } : null;
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(SPKI_ED25519.length);
}

function keyHash(name: string, key: Uint8Array): Buffer {
  return createHash("sha256").update(`${name}\n`).update(Uint8Array.of(ED25519)).update(key).digest().subarray(0, 4);
}
