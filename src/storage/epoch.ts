// Which history the positions of a data file belong to: random text, new at creation and at each restore. A position that a client was
// given before says nothing about what stands under the same number afterwards.
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

const EPOCH_KEY = "epoch";

export function readEpoch(connection: Connection): string {
  const epoch = readMeta(connection, EPOCH_KEY);
  if (epoch === null) throw new TypeError("the data file has no epoch");
  return epoch;
}

/** In a transaction of the caller's. */
export function renewEpoch(connection: Connection): string {
  const epoch = connection.values("SELECT lower(hex(randomblob(6)))")[0]![0] as string;
  writeMeta(connection, EPOCH_KEY, epoch);
  return epoch;
}
