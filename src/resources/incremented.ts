// The sum of an increment, for an override that is told the new value. The write itself validates it.
import { addDecimals } from "../base/decimal.ts";
import type { RecordValues } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";

/** What is no number field comes out as it went in, for the write to refuse. */
export function incremented(table: Table, name: string, values: RecordValues, by: number | bigint | string): unknown {
  const field = table.fields.get(name);
  const old = values[name] ?? null;
  switch (field?.type.name) {
    case "Long": return BigInt((old ?? 0n) as bigint) + BigInt(by);
    case "Decimal": return addDecimals((old ?? "0") as string, String(by)) ?? by;
    case "Int": case "Money": case "Float": return ((old ?? 0) as number) + Number(by);
    default: return by;
  }
}
