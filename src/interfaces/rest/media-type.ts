// Content-Type of a body: which of the formats it is that a request may have.
import { fault } from "../../base/error.ts";

export type BodyFormat = "json" | "merge-patch" | "ndjson" | "csv";

const FORMATS: Readonly<Record<string, BodyFormat>> = {
  "application/json": "json",
  "application/merge-patch+json": "merge-patch",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "text/csv": "csv",
};

/** Without the header it is JSON. Throws UNSUPPORTED_MEDIA_TYPE for what is not among `offered`. */
export function readFormat(header: string | null, offered: readonly BodyFormat[]): BodyFormat {
  if (header === "application/json" || header === null || header.trim() === "") return "json";
  const [type = "", ...parameters] = header.split(";").map((part) => part.trim());
  const name = type.toLowerCase();
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name]! : null;
  if (format === null || !offered.includes(format)) {
    const names = Object.entries(FORMATS).filter(([, one]) => offered.includes(one)).map(([one]) => one);
    throw fault("UNSUPPORTED_MEDIA_TYPE", "The body's Content-Type is not one that this request takes.", { fix: `Send ${names.join(" or ")}.`, headers: { accept: names.join(", ") } });
  }
  for (const parameter of parameters) {
    const charset = /^charset\s*=\s*"?([^"]*)"?$/i.exec(parameter)?.[1];
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw fault("UNSUPPORTED_MEDIA_TYPE", "The body's charset is not UTF-8.", { fix: "Send the body in UTF-8." });
  }
  return format;
}
