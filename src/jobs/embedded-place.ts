// The fields of an app that are filled with vectors (@embed), with what it takes to read their records and to note what is to be done.
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { EmbeddingPlace } from "../storage/embedding-rows.ts";
import { recordCodec, type RecordCodec } from "../storage/record-codec.ts";
import { embeddedFields, type EmbeddedField } from "../tables/embedded-text.ts";
import type { Value } from "../base/value.ts";

export interface EmbeddedPlace extends EmbeddedField {
  readonly place: EmbeddingPlace;
  readonly codec: RecordCodec;
}

export function embeddedPlaces(catalog: Catalog, book: ExpressionBook): readonly EmbeddedPlace[] {
  let places = known.get(catalog);
  if (places === undefined) {
    places = [...catalog.tables.values()].flatMap((table) => embeddedFields(table, book).map((field) => ({ ...field, codec: recordCodec(table, catalog), place: { table: table.name, field: field.field } })));
    known.set(catalog, places);
  }
  return places;
}

const known = new WeakMap<Catalog, readonly EmbeddedPlace[]>();

/** As it stands in the rows of what is to be done: text, since numbers of 64 bits would come back rounded. */
export function keyText({ codec }: EmbeddedPlace, id: Value): string {
  return String(codec.key(id));
}
