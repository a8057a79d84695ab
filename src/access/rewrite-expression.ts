// Rebuilds expressions: parts replaced, fields moved to another row. Pure; decides nothing about rights.
import type { Expression, RowName } from "../expression/expression.ts";
import { partsOf, withParts } from "../expression/inspect.ts";

/** The same node over parts that `change` has seen; the node itself where no part changed. */
export function mapParts(node: Expression, change: (part: Expression) => Expression): Expression {
  const parts = partsOf(node);
  if (parts.length === 0) return node;
  const changed = parts.map(change);
  return changed.every((part, index) => part === parts[index]) ? node : withParts(node, changed);
}

/** Where the rows of a rule stand once it is used elsewhere: the record that `path` leads to from `row`. */
export interface Place { readonly row: RowName; readonly table: string; readonly path: readonly string[] }

/** A rule over row `record`, about the record at `place` instead. */
export function relocate(rule: Expression, place: Place): Expression {
  if (place.row === "record" && place.path.length === 0) return rule;
  const move = (node: Expression): Expression => {
    if (node.op === "field" && node.row === "record") return { ...node, row: place.row, table: place.table, path: [...place.path, ...node.path] };
    return mapParts(node, move);
  };
  return move(rule);
}
