// Values that arrive as text (CSV cells, arguments in a path or a query) as the JSON that a client would have sent for them.
// Says nothing about whether they fit: validation sees them as it sees JSON.
import { AmbitError } from "../../base/error.ts";
import type { TypeRef } from "../../schema/catalog.ts";
import { parseStrictJson } from "../http/strict-json.ts";

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** What cannot be of the type stays text, so that validation refuses it with its place. */
export function rawFromText(text: string, type: TypeRef, depthMax: number): unknown {
  if (type.list) return listFromText(text, type, depthMax);
  return itemFromText(text, type, depthMax);
}

/** `["a","b"]`, or `{a,b}` as postgrest-js writes lists in a query. */
function listFromText(text: string, type: TypeRef, depthMax: number): unknown {
  if (!text.startsWith("{") || !text.endsWith("}")) return jsonFromText(text, depthMax);
  const inside = text.slice(1, -1);
  if (inside === "") return [];
  return inside.split(",").map((item) => itemFromText(item.replace(/^"(.*)"$/, "$1"), type, depthMax));
}

function itemFromText(text: string, type: TypeRef, depthMax: number): unknown {
  if (type.kind === "object" || type.kind === "input") return jsonFromText(text, depthMax);
  if (type.kind === "enum") return text;
  switch (type.name) {
    case "Int":
    case "Money":
    case "Float": return NUMBER.test(text) ? jsonFromText(text, depthMax) : text;
    case "Boolean": return text === "true" ? true : text === "false" ? false : text;
    case "JSON":
    case "Vector": return jsonFromText(text, depthMax);
    default: return text;
  }
}

function jsonFromText(text: string, depthMax: number): unknown {
  try {
    return parseStrictJson(text, depthMax);
  } catch (error) {
    if (error instanceof AmbitError) return text;
    throw error;
  }
}
