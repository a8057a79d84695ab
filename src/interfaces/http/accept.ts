// Content negotiation: which of the offered media types or codings an Accept header prefers (RFC 9110, 12.5).

export interface AcceptedType {
  /** Lower-case, without parameters: `application/json`, `text/*`. */
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

/** Most wanted first; equal ones in their order. Broken parts are left out. */
export function readAccept(header: string): AcceptedType[] {
  const accepted: AcceptedType[] = [];
  for (const part of splitOutsideQuotes(header, ",")) {
    const [type, ...rest] = splitOutsideQuotes(part, ";").map((piece) => piece.trim());
    if (type === undefined || type === "") continue;
    const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
    let quality = 1;
    for (const piece of rest) {
      const equals = piece.indexOf("=");
      if (equals < 0) continue;
      const name = piece.slice(0, equals).trim().toLowerCase();
      const value = piece.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
      if (name === "q") quality = /^(?:0(?:\.[0-9]*)?|1(?:\.0*)?)$/.test(value) ? Number(value) : 0;
      else parameters[name] = value;
    }
    accepted.push({ type: type.toLowerCase(), parameters, quality });
  }
  return accepted.sort((left, right) => right.quality - left.quality);
}

/** `gzip`, `br`, or null for none; br when both are wanted alike. */
export function chooseCoding(header: string | null): "gzip" | "br" | null {
  if (header === null || header === "") return null;
  if (!/gzip|br|\*/i.test(header)) return null;
  let gzip = -1;
  let br = -1;
  let any = 0;
  for (const { type, quality } of readAccept(header)) {
    if (type === "gzip" || type === "x-gzip") gzip = quality;
    else if (type === "br") br = quality;
    else if (type === "*") any = quality;
  }
  if (gzip < 0) gzip = any;
  if (br < 0) br = any;
  if (br <= 0 && gzip <= 0) return null;
  return br >= gzip ? "br" : "gzip";
}

export function splitOutsideQuotes(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quoted && character === "\\") index++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
