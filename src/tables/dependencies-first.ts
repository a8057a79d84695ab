// Orders items so that each stands after those that it depends on. Knows nothing of records.

/** Circles are broken anywhere. Iterative: a chain may be as long as a bulk. */
export function dependenciesFirst<Item>(items: readonly Item[], dependenciesOf: (item: Item) => Item[]): Item[] {
  const ordered: Item[] = [];
  const seen = new Set<Item>();
  for (const start of items) {
    if (seen.has(start)) continue;
    seen.add(start);
    const path = [{ item: start, open: dependenciesOf(start) }];
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const next = top.open.pop();
      if (next === undefined) {
        ordered.push(top.item);
        path.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        path.push({ item: next, open: dependenciesOf(next) });
      }
    }
  }
  return ordered;
}
