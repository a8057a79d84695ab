// Values of expressions as SQLite holds them while it computes: integers as INTEGER always, lists and objects as JSON text.
import type { SqlValue, Value } from "../base/value.ts";
import type { ExpressionType } from "../expression/expression.ts";
import { jsonText } from "../expression/json-value.ts";

/** What to bind for a value of an expression, also for `closed` slots once they are evaluated. */
export function toSqlValue(value: Value, type: ExpressionType): SqlValue {
  if (value === null) return null;
  switch (type.kind) {
    case "bool": return value === true ? 1 : 0;
    // A number would be bound as a double beyond 32 bits.
    case "int": return BigInt(value as number | bigint);
    case "double": return Number(value);
    case "json": case "list": case "object": case "null": return jsonText(value);
    default: return value as string;
  }
}
