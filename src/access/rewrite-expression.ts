// Rebuilds expressions: children replaced, fields moved to another row. Pure; decides nothing about rights.
import type { Expression, RowName } from "../expression/expression.ts";

/** The same node over children that `change` has seen; the node itself where no child changed. */
export function mapChildren(node: Expression, change: (child: Expression) => Expression): Expression {
  switch (node.op) {
    case "literal": case "variable": case "now": case "field": case "text-search": case "near":
      return node;
    case "not": case "is-null": case "negate": case "like": case "match": case "json-path": case "json-as": {
      const operand = change(node.operand);
      return operand === node.operand ? node : { ...node, operand };
    }
    case "and": case "or": {
      const operands = mapList(node.operands, change);
      return operands === node.operands ? node : { ...node, operands };
    }
    case "compare": case "distinct": case "arithmetic": case "contains": case "contained": case "overlaps": {
      const [left, right] = [change(node.left), change(node.right)];
      return left === node.left && right === node.right ? node : { ...node, left, right };
    }
    case "in": {
      const [item, list] = [change(node.item), change(node.list)];
      return item === node.item && list === node.list ? node : { ...node, item, list };
    }
    case "conditional": return { ...node, condition: change(node.condition), then: change(node.then), otherwise: change(node.otherwise) };
    case "call": return { ...node, arguments: mapList(node.arguments, change) };
    case "list": return { ...node, items: mapList(node.items, change) };
    case "quantify": return { ...node, list: change(node.list), body: change(node.body) };
    case "exists": {
      const where = change(node.where);
      return where === node.where ? node : { ...node, where };
    }
  }
}

function mapList(items: readonly Expression[], change: (child: Expression) => Expression): readonly Expression[] {
  const changed = items.map(change);
  return changed.every((item, index) => item === items[index]) ? items : changed;
}

/** Where the rows of a rule stand once it is used elsewhere: the record that `path` leads to from `row`. */
export interface Place { readonly row: RowName; readonly table: string; readonly path: readonly string[] }

/** A rule over row `record`, about the record at `place` instead. */
export function relocate(rule: Expression, place: Place): Expression {
  if (place.row === "record" && place.path.length === 0) return rule;
  const move = (node: Expression): Expression => {
    if (node.op === "field" && node.row === "record") return { ...node, row: place.row, table: place.table, path: [...place.path, ...node.path] };
    return mapChildren(node, move);
  };
  return move(rule);
}
