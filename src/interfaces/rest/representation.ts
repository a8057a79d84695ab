// Which representation of rows a client wants, and rows in it. Ready JSON stays text: nothing is parsed to be written again.
import { fault } from "../../base/error.ts";
import { notOneRecord } from "../../resources/not-one-record.ts";
import { readAccept, type AcceptedType } from "../http/accept.ts";
import { writeCsv } from "./csv.ts";
import { itemsOf, withoutNulls } from "./json-text.ts";

export interface Representation {
  /** object: exactly one row, without the list around it. */
  readonly kind: "json" | "object" | "ndjson" | "csv";
  readonly mediaType: string;
  /** Members that are null are left out. */
  readonly stripNulls: boolean;
  /** Marks strong ETags; empty for plain JSON. */
  readonly tagSuffix: string;
}

export const plainJson: Representation = { kind: "json", mediaType: "application/json", stripNulls: false, tagSuffix: "" };

const OBJECT_TYPE = "application/vnd.pgrst.object+json";
const ARRAY_TYPE = "application/vnd.pgrst.array+json";
const KINDS: Readonly<Record<string, Representation["kind"]>> = {
  "application/json": "json", "application/*": "json", "*/*": "json", [ARRAY_TYPE]: "json", [OBJECT_TYPE]: "object",
  "application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson", "text/csv": "csv", "text/*": "csv",
};
const CSV_TYPE = "text/csv; charset=utf-8";

/** Throws NOT_ACCEPTABLE. */
export function chooseRepresentation(accept: string | null): Representation {
  if (accept === null || accept === "*/*" || accept === "application/json" || accept === "") return plainJson;
  for (const wanted of readAccept(accept)) {
    if (wanted.quality === 0) continue;
    const kind = Object.hasOwn(KINDS, wanted.type) ? KINDS[wanted.type]! : null;
    if (kind !== null) return representationOf(kind, wanted);
    if (wanted.type.startsWith("application/vnd.pgrst.plan")) {
      throw fault("NOT_ACCEPTABLE", "Query plans are not a media type here.", { where: "Accept", fix: "Add explain=true to the query." });
    }
  }
  throw fault("NOT_ACCEPTABLE", "None of the media types in Accept can be answered.", { where: "Accept", fix: "Accept application/json, application/x-ndjson, text/csv or application/vnd.pgrst.object+json." });
}

function representationOf(kind: Representation["kind"], wanted: AcceptedType): Representation {
  const stripNulls = wanted.parameters["nulls"] === "stripped" && (kind === "object" || wanted.type === ARRAY_TYPE);
  if (kind === "csv") return { kind, mediaType: CSV_TYPE, stripNulls: false, tagSuffix: "csv" };
  if (kind === "ndjson") return { kind, mediaType: "application/x-ndjson", stripNulls: false, tagSuffix: "ndjson" };
  if (!stripNulls && kind === "json") return plainJson;
  const mediaType = wanted.type.startsWith("application/vnd.") ? wanted.type : "application/json";
  return { kind, mediaType: stripNulls ? `${mediaType};nulls=stripped` : mediaType, stripNulls, tagSuffix: `${kind}${stripNulls ? "-stripped" : ""}` };
}

/** `list`: JSON text of the rows. `columns`: what a CSV header names even without rows. Throws NOT_ONE_RECORD. */
export function representRows(list: string, representation: Representation, columns: readonly string[]): string {
  switch (representation.kind) {
    case "json": return representation.stripNulls ? withoutNulls(list) : list;
    case "ndjson": return itemsOf(list).map((item) => `${item}\n`).join("");
    case "csv": return writeCsv(itemsOf(list), columns);
    case "object": {
      const items = itemsOf(list);
      if (items.length !== 1) throw notOneRecord(items.length);
      return representation.stripNulls ? withoutNulls(items[0]!) : items[0]!;
    }
  }
}

/** `object`: JSON text of the one record that the path names. */
export function representRecord(object: string, representation: Representation): string {
  if (representation.kind === "json" || representation.kind === "object") return representation.stripNulls ? withoutNulls(object) : object;
  return representRows(`[${object}]`, representation, []);
}
