// Intervals of values in a total order, found by a value inside them in the time that finding so many takes: a balanced tree (AVL)
// by lower end, where each node knows the greatest upper end below it. Pure bookkeeping; ends belong to their interval.
import type { Value } from "../base/value.ts";
import type { Comparer } from "../expression/compare-values.ts";

/** Null: no end on that side. */
export interface Interval { readonly low: Value; readonly high: Value }

interface Node<Item> {
  readonly low: Value;
  readonly high: Value;
  item: Item;
  left: Node<Item> | null;
  right: Node<Item> | null;
  height: number;
  /** Of all upper ends from here down. */
  most: Value;
}

export class IntervalTree<Item> {
  readonly #compare: Comparer;
  #root: Node<Item> | null = null;

  constructor(compare: Comparer) {
    this.#compare = compare;
  }

  get isEmpty(): boolean {
    return this.#root === null;
  }

  get(interval: Interval): Item | undefined {
    let node = this.#root;
    while (node !== null) {
      const order = this.#order(interval, node);
      if (order === 0) return node.item;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** In place of what is there under the same ends. */
  set(interval: Interval, item: Item): void {
    this.#root = this.#with(this.#root, interval, item);
  }

  delete(interval: Interval): void {
    this.#root = this.#without(this.#root, interval);
  }

  /** Each item whose interval the value, which is not null, is in. The tree stays as it is meanwhile. */
  visit(value: Value, each: (item: Item) => void): void {
    this.#visit(this.#root, value, each);
  }

  #visit(node: Node<Item> | null, value: Value, each: (item: Item) => void): void {
    if (node === null || (node.most !== null && this.#compare(node.most, value) < 0)) return;
    this.#visit(node.left, value, each);
    if (node.low !== null && this.#compare(node.low, value) > 0) return;
    if (node.high === null || this.#compare(node.high, value) >= 0) each(node.item);
    this.#visit(node.right, value, each);
  }

  #order({ low, high }: Interval, node: Interval): number {
    return this.#compareEnds(low, node.low, -1) || this.#compareEnds(high, node.high, 1);
  }

  /** `open`: where an end that is none stands among the others. */
  #compareEnds(left: Value, right: Value, open: number): number {
    if (left === null || right === null) return left === right ? 0 : left === null ? open : -open;
    return this.#compare(left, right);
  }

  #with(node: Node<Item> | null, interval: Interval, item: Item): Node<Item> {
    if (node === null) return { low: interval.low, high: interval.high, item, left: null, right: null, height: 1, most: interval.high };
    const order = this.#order(interval, node);
    if (order === 0) node.item = item;
    else if (order < 0) node.left = this.#with(node.left, interval, item);
    else node.right = this.#with(node.right, interval, item);
    return this.#balanced(node);
  }

  #without(node: Node<Item> | null, interval: Interval): Node<Item> | null {
    if (node === null) return null;
    const order = this.#order(interval, node);
    if (order < 0) node.left = this.#without(node.left, interval);
    else if (order > 0) node.right = this.#without(node.right, interval);
    else {
      if (node.left === null) return node.right;
      if (node.right === null) return node.left;
      let next = node.right;
      while (next.left !== null) next = next.left;
      const right = this.#without(node.right, next);
      return this.#balanced({ ...next, left: node.left, right });
    }
    return this.#balanced(node);
  }

  #balanced(node: Node<Item>): Node<Item> {
    const lean = heightOf(node.left) - heightOf(node.right);
    if (lean > 1) {
      if (heightOf(node.left!.left) < heightOf(node.left!.right)) node.left = this.#raisedRight(node.left!);
      return this.#raisedLeft(node);
    }
    if (lean < -1) {
      if (heightOf(node.right!.right) < heightOf(node.right!.left)) node.right = this.#raisedLeft(node.right!);
      return this.#raisedRight(node);
    }
    return this.#measured(node);
  }

  #raisedLeft(node: Node<Item>): Node<Item> {
    const top = node.left!;
    node.left = top.right;
    top.right = this.#measured(node);
    return this.#measured(top);
  }

  #raisedRight(node: Node<Item>): Node<Item> {
    const top = node.right!;
    node.right = top.left;
    top.left = this.#measured(node);
    return this.#measured(top);
  }

  #measured(node: Node<Item>): Node<Item> {
    const { left, right } = node;
    node.height = 1 + Math.max(heightOf(left), heightOf(right));
    node.most = node.high;
    for (const below of [left, right]) if (below !== null && this.#compareEnds(below.most, node.most, 1) > 0) node.most = below.most;
    return node;
  }
}

function heightOf(node: { readonly height: number } | null): number {
  return node === null ? 0 : node.height;
}
