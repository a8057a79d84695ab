// Takes ready JSON text apart without parsing its values: numbers stay exact, and nothing is built only to be written again.
import { endOfString } from "../http/strict-json.ts";

const COMMA = 0x2c;

/** The texts of a list's items. `text` is valid JSON of a list. */
export function itemsOf(text: string): string[] {
  return partsOf(text.trim());
}

/** The members of an object: name and the text of the value. `text` is valid JSON of an object. */
export function membersOf(text: string): (readonly [string, string])[] {
  return partsOf(text.trim()).map((part) => {
    const end = endOfString(part, 0);
    return [JSON.parse(part.slice(0, end + 1)) as string, part.slice(part.indexOf(":", end) + 1).trim()] as const;
  });
}

/** The same JSON without members that are null, at any depth. */
export function withoutNulls(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("[")) return `[${partsOf(trimmed).map(withoutNulls).join(",")}]`;
  if (!trimmed.startsWith("{")) return trimmed;
  const kept = membersOf(trimmed).filter(([, value]) => value !== "null").map(([name, value]) => `${JSON.stringify(name)}:${withoutNulls(value)}`);
  return `{${kept.join(",")}}`;
}

/** What stands between the commas of the outermost brackets. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 1;
  const end = text.length - 1;
  for (let index = 1; index < end; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0x22) index = endOfString(text, index);
    else if (unit === 0x7b || unit === 0x5b) depth++;
    else if (unit === 0x7d || unit === 0x5d) depth--;
    else if (unit === COMMA && depth === 0) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  const last = text.slice(start, end).trim();
  if (last !== "" || parts.length > 0) parts.push(last);
  return parts;
}
