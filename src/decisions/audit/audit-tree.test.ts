// The audit log's parts: canonical JSON, the hash tree against its definition and known roots, checkpoints that only their key makes.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { canonicalJson } from "../../base/canonical-json.ts";
import { checkpointKey, readCheckpoint, signCheckpoint, verifierKey } from "./checkpoint.ts";
import { appendedNodes, consistencyProof, emptyRoot, inclusionProof, isConsistent, isIncluded, leafHash, nodeHash, rootOf, type Hash } from "./merkle-tree.ts";

const hex = (hash: Hash): string => Buffer.from(hash).toString("hex");

/** As RFC 6962 defines it, straight from the leaves. */
function defined(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return createHash("sha256").digest();
  if (leaves.length === 1) return leaves[0]!;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return nodeHash(defined(leaves.slice(0, half)), defined(leaves.slice(half)));
}

class Tree {
  readonly leaves: Hash[] = [];
  readonly #nodes = new Map<string, Hash>();
  readonly nodeAt = (level: number, index: number): Hash => {
    const found = this.#nodes.get(`${level} ${index}`);
    if (found === undefined) throw new Error(`node ${level} ${index} is not complete`);
    return found;
  };

  append(data: Uint8Array): void {
    const leaf = leafHash(data);
    for (const { level, index, hash } of appendedNodes(this.leaves.length, leaf, this.nodeAt)) this.#nodes.set(`${level} ${index}`, hash);
    this.leaves.push(leaf);
  }

  root(size = this.leaves.length): Hash { return rootOf(size, this.nodeAt); }
}

test("known roots of the certificate transparency test tree", () => {
  const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const tree = new Tree();
  expect(hex(tree.root())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const roots = inputs.map((input) => {
    tree.append(Buffer.from(input, "hex"));
    return hex(tree.root());
  });
  expect(roots[0]).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  expect(roots[1]).toBe("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
  expect(roots[7]).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  expect(hex(emptyRoot)).toBe(hex(tree.root(0)));
});

test("each tree's root, each leaf's proof and each beginning's proof, and none that was tampered with", () => {
  const tree = new Tree();
  for (let size = 1; size <= 67; size++) {
    tree.append(Buffer.from(`leaf ${size}`));
    const root = tree.root();
    expect(hex(root)).toBe(hex(defined(tree.leaves)));
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(index, size, tree.nodeAt);
      expect(isIncluded(tree.leaves[index]!, { index, size }, proof, root)).toBe(true);
      expect(isIncluded(tree.leaves[index]!, { index: (index + 1) % (size + 1), size }, proof, root)).toBe(false);
      expect(isIncluded(leafHash(Buffer.from("forged")), { index, size }, proof, root)).toBe(false);
      if (proof.length > 0) expect(isIncluded(tree.leaves[index]!, { index, size }, proof.slice(1), root)).toBe(false);
    }
    for (let before = 1; before <= size; before++) {
      const proof = consistencyProof(before, size, tree.nodeAt);
      const [earlier, later] = [{ size: before, root: tree.root(before) }, { size, root }];
      expect(isConsistent(earlier, later, proof)).toBe(true);
      if (before < size) expect(isConsistent({ size: before, root: leafHash(Buffer.from("x")) }, later, proof)).toBe(false);
      if (proof.length > 0) expect(isConsistent(earlier, later, [...proof.slice(0, -1), leafHash(Buffer.from("x"))])).toBe(false);
    }
  }
});

test("JSON has one form: keys in order of code units, numbers as JavaScript writes them", () => {
  expect(canonicalJson({ "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 })).toBe("{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\u{1f600}\":5,\"\ufb33\":3}");
  expect(canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0, true, null, "\u000f\n\"\\/"])).toBe("[333333333.3333333,1e+30,4.5,0.002,1e-27,0,true,null,\"\\u000f\\n\\\"\\\\/\"]");
  expect(() => canonicalJson("\ud800")).toThrow();
});

test("a checkpoint is read with its key's verifier only, and not once a byte of it differs", () => {
  const key = checkpointKey("ambit.example/store", new Uint8Array(32).fill(7));
  const other = checkpointKey("ambit.example/store", new Uint8Array(32).fill(8));
  const root = leafHash(Buffer.from("x"));
  const note = signCheckpoint("ambit.example/store/0", { size: 12, root }, key);
  expect(note).toMatch(/^ambit\.example\/store\/0\n12\n[A-Za-z0-9+/]{43}=\n\n\u2014 ambit\.example\/store [A-Za-z0-9+/=]+\n$/);
  expect(readCheckpoint(note, verifierKey(key))).toEqual({ origin: "ambit.example/store/0", size: 12, root });
  expect(readCheckpoint(note, verifierKey(other))).toBeNull();
  expect(readCheckpoint(note.replace("\n12\n", "\n13\n"), verifierKey(key))).toBeNull();
  expect(readCheckpoint(note.split("\n\n")[0]!, verifierKey(key))).toBeNull();
});
