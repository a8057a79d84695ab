// Holds a history of list-append transactions against what serializability permits. A list says in which order its elements came, so
// reads tell which transaction saw which: lost, doubled or aborted appends, and cycles between transactions, are found without guessing.

export type Step =
  | { readonly kind: "append"; readonly key: string; readonly value: number }
  | { readonly kind: "read"; readonly key: string; readonly items: readonly number[] };

export interface Transaction {
  readonly name: string;
  /** fail: it certainly did nothing. unknown: nobody was told. */
  readonly outcome: "ok" | "fail" | "unknown";
  /** Of one that is ok, with what it read; of others what it would have appended. */
  readonly steps: readonly Step[];
  readonly beganMs: number;
  readonly endedMs: number;
}

export type FinalLists = ReadonlyMap<string, readonly number[]>;

/** What is wrong with it; empty: nothing. */
export function checkHistory(transactions: readonly Transaction[], lists: FinalLists): string[] {
  const writers = writersOf(transactions);
  const problems = [...checkLists(transactions, lists, writers), ...transactions.filter(({ outcome }) => outcome === "ok").flatMap((one) => checkReads(one, lists, writers))];
  return problems.length > 0 ? problems : checkCycles(transactions, lists, writers);
}

type Writers = ReadonlyMap<string, Transaction>;
const place = (key: string, value: number): string => `${key} ${value}`;

function writersOf(transactions: readonly Transaction[]): Writers {
  return new Map(transactions.flatMap((one) => one.steps.flatMap((step): [string, Transaction][] => (step.kind === "append" ? [[place(step.key, step.value), one]] : []))));
}

function checkLists(transactions: readonly Transaction[], lists: FinalLists, writers: Writers): string[] {
  const problems: string[] = [];
  for (const [key, items] of lists) {
    if (new Set(items).size !== items.length) problems.push(`doubled append in ${key}: ${items.join(",")}`);
    for (const value of items) {
      const writer = writers.get(place(key, value));
      if (writer === undefined || writer.outcome === "fail") problems.push(`${key} holds ${value}, which nobody appended`);
    }
  }
  for (const { name, outcome, steps } of transactions) {
    const appends = steps.filter((step) => step.kind === "append");
    const there = appends.filter(({ key, value }) => lists.get(key)?.includes(value) === true);
    if (outcome === "ok" && there.length < appends.length) problems.push(`lost append of ${name}`);
    if (outcome === "unknown" && there.length > 0 && there.length < appends.length) problems.push(`half of ${name} is there`);
  }
  return problems;
}

/** Each read is the beginning of the list as it became, and then what the transaction itself appended. Of others it ends where one of them ended. */
function checkReads({ name, steps }: Transaction, lists: FinalLists, writers: Writers): string[] {
  const problems: string[] = [];
  const own = new Map<string, number[]>();
  for (const step of steps) {
    const mine = own.get(step.key) ?? [];
    if (step.kind === "append") {
      own.set(step.key, [...mine, step.value]);
      continue;
    }
    const list = lists.get(step.key) ?? [];
    const seen = step.items.slice(0, step.items.length - mine.length);
    if (mine.some((value, index) => step.items[seen.length + index] !== value)) problems.push(`${name} does not see its own appends to ${step.key}`);
    else if (seen.some((value, index) => list[index] !== value)) problems.push(`${name} read ${step.key} as ${step.items.join(",")}, which became ${list.join(",")}`);
    else if (seen.length > 0 && seen.length < list.length && writers.get(place(step.key, seen.at(-1)!)) === writers.get(place(step.key, list[seen.length]!))) {
      problems.push(`${name} read ${step.key} in the middle of a transaction`);
    }
  }
  return problems;
}

type Graph = Map<string, Set<string>>;

function checkCycles(transactions: readonly Transaction[], lists: FinalLists, writers: Writers): string[] {
  const graph: Graph = new Map();
  const there = transactions.filter(({ outcome, steps }) => outcome === "ok" || (outcome === "unknown" && steps.some((step) => step.kind === "append" && lists.get(step.key)?.includes(step.value) === true)));
  addOrders(graph, lists, writers);
  const found = [named("G0", cycleIn(graph))];
  addReads(graph, there, { lists, writers, kind: "seen" });
  found.push(named("G1c", cycleIn(graph)));
  addReads(graph, there, { lists, writers, kind: "unseen" });
  found.push(named("G2", cycleIn(graph)));
  addTimes(graph, there);
  found.push(named("against real time", cycleIn(graph)));
  const first = found.find((one) => one !== null);
  return first === undefined || first === null ? [] : [first];
}

function named(what: string, cycle: readonly string[] | null): string | null {
  return cycle === null ? null : `${what}: ${cycle.join(" -> ")}`;
}

function addEdge(graph: Graph, from: string, to: string): void {
  if (from === to) return;
  const edges = graph.get(from);
  if (edges === undefined) graph.set(from, new Set([to]));
  else edges.add(to);
}

function addOrders(graph: Graph, lists: FinalLists, writers: Writers): void {
  for (const [key, items] of lists) {
    items.forEach((value, index) => {
      if (index > 0) addEdge(graph, writers.get(place(key, items[index - 1]!))!.name, writers.get(place(key, value))!.name);
    });
  }
}

/** seen: after who wrote the last element that was read. unseen: before who wrote the next one. */
function addReads(graph: Graph, transactions: readonly Transaction[], { lists, writers, kind }: { readonly lists: FinalLists; readonly writers: Writers; readonly kind: "seen" | "unseen" }): void {
  for (const { name, outcome, steps } of transactions) {
    if (outcome !== "ok") continue;
    const own = new Map<string, number>();
    for (const step of steps) {
      if (step.kind === "append") {
        own.set(step.key, (own.get(step.key) ?? 0) + 1);
        continue;
      }
      const list = lists.get(step.key) ?? [];
      const length = step.items.length - (own.get(step.key) ?? 0);
      const value = kind === "seen" ? list[length - 1] : list[length];
      if (value === undefined) continue;
      const other = writers.get(place(step.key, value))!.name;
      if (kind === "seen") addEdge(graph, other, name);
      else addEdge(graph, name, other);
    }
  }
}

/** Who had ended before another began comes before it. Through a chain of moments, so that there are few edges. */
function addTimes(graph: Graph, transactions: readonly Transaction[]): void {
  const ended = transactions.filter(({ outcome }) => outcome === "ok").toSorted((left, right) => left.endedMs - right.endedMs);
  ended.forEach(({ name }, index) => {
    addEdge(graph, name, `moment ${index}`);
    if (index > 0) addEdge(graph, `moment ${index - 1}`, `moment ${index}`);
  });
  for (const { name, beganMs } of transactions) {
    const before = ended.findLastIndex(({ endedMs }) => endedMs < beganMs);
    if (before >= 0) addEdge(graph, `moment ${before}`, name);
  }
}

/** Nodes of one, in its order; null: there is none. Without recursion: graphs are deep. */
function cycleIn(graph: Graph): readonly string[] | null {
  const state = new Map<string, "open" | "done">();
  for (const start of graph.keys()) {
    if (state.has(start)) continue;
    const path: { readonly node: string; readonly edges: Iterator<string> }[] = [];
    const enter = (node: string): void => {
      state.set(node, "open");
      path.push({ node, edges: (graph.get(node) ?? new Set<string>()).values() });
    };
    enter(start);
    while (path.length > 0) {
      const { node, edges } = path.at(-1)!;
      const next = edges.next();
      if (next.done === true) {
        state.set(node, "done");
        path.pop();
      } else if (state.get(next.value) === "open") {
        return [...path.slice(path.findIndex((one) => one.node === next.value)).map((one) => one.node), next.value];
      } else if (!state.has(next.value)) enter(next.value);
    }
  }
  return null;
}
