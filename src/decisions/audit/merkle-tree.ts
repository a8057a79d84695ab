// The hash tree of the audit log (RFC 6962, section 2.1; RFC 9162, section 2.1): roots, and proofs that a leaf is in it and that one tree is the
// beginning of another. Knows hashes alone; where nodes are kept is the caller's business.
import { hash } from "node:crypto";
import { assert } from "../../base/assert.ts";

/** SHA-256. */
export type Hash = Uint8Array;

/** The hash over the complete subtree of 2^level leaves that begins at leaf index * 2^level. */
export type NodeAt = (level: number, index: number) => Hash;

const LEAF = 0;
const NODE = 1;

export function leafHash(data: Uint8Array): Hash {
  return hashOf(LEAF, data);
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return hashOf(NODE, left, right);
}

/** In one call, which costs half of three. */
function hashOf(kind: number, ...parts: readonly Uint8Array[]): Hash {
  const bytes = Buffer.allocUnsafe(parts.reduce((length, part) => length + part.length, 1));
  bytes[0] = kind;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return hash("sha256", bytes, "buffer");
}

/** Of no leaves. */
export const emptyRoot: Hash = hash("sha256", "", "buffer");

/** Complete nodes that a further leaf makes, the leaf's own first. `size`: leaves before. */
export function appendedNodes(size: number, leaf: Hash, nodeAt: NodeAt): readonly { readonly level: number; readonly index: number; readonly hash: Hash }[] {
  const nodes = [{ level: 0, index: size, hash: leaf }];
  for (let level = 0, index = size; index % 2 === 1; level++) {
    const hash = nodeHash(nodeAt(level, index - 1), nodes.at(-1)!.hash);
    index = (index - 1) / 2;
    nodes.push({ level: level + 1, index, hash });
  }
  return nodes;
}

export function rootOf(size: number, nodeAt: NodeAt): Hash {
  return size === 0 ? emptyRoot : subtree(0, size, nodeAt);
}

/** Over the leaves from `start` up to, not including, `end`. `start` is a multiple of the power of two not below the length. */
function subtree(start: number, end: number, nodeAt: NodeAt): Hash {
  const length = end - start;
  const level = Math.log2(length);
  if (Number.isInteger(level)) return nodeAt(level, start / length);
  const half = halfOf(length);
  return nodeHash(subtree(start, start + half, nodeAt), subtree(start + half, end, nodeAt));
}

/** The largest power of two below the length. */
function halfOf(length: number): number {
  return 2 ** (Math.ceil(Math.log2(length)) - 1);
}

/** Hashes from the leaf up, as RFC 6962 orders them. */
export function inclusionProof(index: number, size: number, nodeAt: NodeAt): Hash[] {
  assert(index >= 0 && index < size, "the leaf is in the tree");
  return path(index, { start: 0, end: size }, nodeAt);
}

interface Range { readonly start: number; readonly end: number }

function path(index: number, { start, end }: Range, nodeAt: NodeAt): Hash[] {
  if (end - start === 1) return [];
  const middle = start + halfOf(end - start);
  return index < middle
    ? [...path(index, { start, end: middle }, nodeAt), subtree(middle, end, nodeAt)]
    : [...path(index, { start: middle, end }, nodeAt), subtree(start, middle, nodeAt)];
}

export function consistencyProof(before: number, size: number, nodeAt: NodeAt): Hash[] {
  assert(before > 0 && before <= size, "the earlier tree is not larger");
  return before === size ? [] : subproof(before, { start: 0, end: size }, true, nodeAt);
}

function subproof(before: number, { start, end }: Range, isWhole: boolean, nodeAt: NodeAt): Hash[] {
  if (before === end - start) return isWhole ? [] : [subtree(start, end, nodeAt)];
  const half = halfOf(end - start);
  const middle = start + half;
  return before <= half
    ? [...subproof(before, { start, end: middle }, isWhole, nodeAt), subtree(middle, end, nodeAt)]
    : [...subproof(before - half, { start: middle, end }, false, nodeAt), subtree(start, middle, nodeAt)];
}

/** RFC 9162, section 2.1.3.2. */
export function isIncluded(leaf: Hash, at: { readonly index: number; readonly size: number }, proof: readonly Hash[], root: Hash): boolean {
  if (at.index >= at.size) return false;
  let [first, last] = [at.index, at.size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      hash = nodeHash(sibling, hash);
      while (first % 2 === 0 && first !== 0) [first, last] = [first / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(hash, root);
}

export interface SizedRoot { readonly size: number; readonly root: Hash }

/** RFC 9162, section 2.1.4.2. */
export function isConsistent(before: SizedRoot, after: SizedRoot, proof: readonly Hash[]): boolean {
  if (before.size === after.size) return proof.length === 0 && equal(before.root, after.root);
  if (before.size === 0 || before.size > after.size || proof.length === 0) return false;
  const isPower = Number.isInteger(Math.log2(before.size));
  const [seed, ...rest] = isPower ? [before.root, ...proof] : proof;
  let [first, last] = [before.size - 1, after.size - 1];
  while (first % 2 === 1) [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
  let [earlier, later] = [seed!, seed!];
  for (const hash of rest) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      [earlier, later] = [nodeHash(hash, earlier), nodeHash(hash, later)];
      while (first % 2 === 0 && first !== 0) [first, last] = [first / 2, Math.floor(last / 2)];
    } else later = nodeHash(later, hash);
    [first, last] = [Math.floor(first / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(earlier, before.root) && equal(later, after.root);
}

function equal(left: Hash, right: Hash): boolean {
  return Buffer.compare(left, right) === 0;
}
