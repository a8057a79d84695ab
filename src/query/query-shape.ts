// What a query string asks, apart from the values of its plain comparisons and the words that it searches: `category=eq.7&limit=20` has the shape of
// `category=eq.8&limit=20`.
// Purely textual, and careful: what it does not recognise belongs to the shape as it stands.
import type { OpenOperands } from "./open-operand.ts";
import { reservedParameters, type Parameter } from "./rest-parameters.ts";
import { decodeText, urlPair } from "./url-pairs.ts";

export interface QueryShape {
  readonly text: string;
  /** The values left out, in order, decoded. */
  readonly values: readonly string[];
}

/** All behind it is words. */
const SEARCH = /^(search)=()(.*)$/s;
/** One own field, one comparison, anything behind it. */
const COMPARISON = /^([A-Za-z_][A-Za-z0-9_]*)=((?:eq|neq|gt|gte|lt|lte)\.)(.*)$/s;
const reserved = new Set(reservedParameters);

/** `query` as in urlPairs. Null: no value can be left out. Throws MALFORMED_URL. */
export function queryShape(query: string): QueryShape | null {
  let text = "";
  const values: string[] = [];
  for (const part of query.split("&")) {
    const found = comparison(part);
    if (found === null) text += `&${part}`;
    else {
      text += `&${found[1]!}=${found[2]!}`;
      values.push(decodeText(found[3]!));
    }
  }
  return values.length === 0 ? null : { text, values };
}

/** The pairs of a query with a shape, its values left open. */
export function openParameters(query: string, operands: OpenOperands): Parameter[] {
  return query.split("&").filter((part) => part !== "").map((part): Parameter => {
    const found = comparison(part);
    return found === null ? urlPair(part) : [found[1]!, found[2]!, operands.operand(decodeText(found[3]!), found[1]!)];
  });
}

function comparison(part: string): RegExpExecArray | null {
  const found = COMPARISON.exec(part);
  return found === null || reserved.has(found[1]!) ? SEARCH.exec(part) : found;
}
