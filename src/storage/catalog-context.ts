// What bringing data to the shape of a catalog needs. The connection is the one that writes.
import type { Limits } from "../base/limits.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "./connection.ts";

export interface CatalogContext {
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  readonly nowMs: number;
}
