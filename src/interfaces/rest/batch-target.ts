// Path and query of an operation in a batch, with the places where references stand. A value never leaves its place.
import { fault } from "../../base/error.ts";
import { reservedParameters } from "../../query/rest-parameters.ts";
import { readTarget, type RequestTarget } from "../http/request-target.ts";
import { parseReference, referenceText, type Reference, type Resolve } from "./batch-reference.ts";

type Part = string | Reference;

export interface BatchTarget {
  readonly references: readonly Reference[];
  /** Segments with `stand` in place of references. */
  segments(stand: (reference: Reference) => string): string[];
  /** With what references stand for. */
  resolve(resolve: Resolve): RequestTarget;
}

/** `name=[not.]OP.{...}`: elsewhere a value could be read as part of the query. */
const COMPARED = /^([A-Za-z_][A-Za-z0-9_]*)(=(?:not\.)?(?:eq|neq|gt|gte|lt|lte)\.)\{([^{}]*)\}$/;
const reserved = new Set(reservedParameters);

/** `names`: of the operations of the batch. Throws URL_TOO_LONG, MALFORMED_URL and VALIDATION_FAILED. */
export function readBatchTarget(text: string, { urlBytes, names }: { readonly urlBytes: number; readonly names: ReadonlySet<string> }): BatchTarget {
  if (!text.startsWith("/")) throw fault("VALIDATION_FAILED", "A path begins with a slash.", { where: "path" });
  const at = text.indexOf("?");
  const path = at < 0 ? text : text.slice(0, at);
  const segments = splitPath(path).map((part) => pathPart(part, urlBytes));
  const query = at < 0 ? [] : text.slice(at + 1).split("&").map((part) => queryPart(part, names));
  readTarget(`/${at < 0 ? "" : text.slice(at)}`, urlBytes - path.length);
  const references = [...segments.filter(isReference), ...query.flatMap(({ reference }) => (reference === null ? [] : [reference]))];
  return {
    references,
    segments: (stand) => segments.map((part) => (typeof part === "string" ? part : stand(part))),
    resolve(resolve) {
      const found = segments.map((part) => (typeof part === "string" ? part : referenceText(part, resolve)));
      const pairs = query.map(({ before, reference }) => (reference === null ? before : before + encodeURIComponent(wellFormed(referenceText(reference, resolve)))));
      const target = { path: `/${found.map((part) => encodeURIComponent(wellFormed(part))).join("/")}`, segments: found, query: pairs.join("&") };
      if (target.path.length + target.query.length >= urlBytes) throw fault("URL_TOO_LONG", `The URL is longer than ${urlBytes} bytes.`, { where: "path" });
      return target;
    },
  };
}

function isReference(part: Part): part is Reference {
  return typeof part !== "string";
}

/** Slashes within braces belong to a reference. */
function splitPath(path: string): string[] {
  const parts: string[] = [];
  let part = "";
  let inside = false;
  for (const sign of path.slice(1)) {
    if (sign === "/" && !inside) {
      parts.push(part);
      part = "";
    } else {
      if (sign === "{") inside = true;
      if (sign === "}") inside = false;
      part += sign;
    }
  }
  return [...parts, part];
}

function pathPart(text: string, urlBytes: number): Part {
  if (!/[{}]/.test(text)) return readTarget(`/${text}`, urlBytes).segments[0]!;
  const reference = /^\{[^{}]*\}$/.test(text) ? parseReference(text.slice(1, -1)) : null;
  if (reference !== null) return reference;
  throw fault("VALIDATION_FAILED", "Braces in a path hold a reference, which is a whole segment of it.", { where: "path", fix: "Write {NAME/FIELD}, or encode braces as %7B and %7D." });
}

interface QueryPart { readonly before: string; readonly reference: Reference | null }

function queryPart(text: string, names: ReadonlySet<string>): QueryPart {
  const [, name = "", operator = "", inside = ""] = COMPARED.exec(text) ?? [];
  const reference = name === "" || reserved.has(name) ? null : parseReference(inside);
  if (reference !== null) return { before: name + operator, reference };
  const misplaced = [...text.matchAll(/\{([^{},]*)\}/g)].find(([, found = ""]) => names.has(parseReference(found)?.name ?? ""));
  if (misplaced === undefined) return { before: text, reference: null };
  throw fault("VALIDATION_FAILED", "In a query a reference is the whole value of a comparison of a field.", { where: "path", fix: "Write FIELD=eq.{NAME/FIELD}, or encode braces as %7B and %7D." });
}

function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw fault("MALFORMED_URL", "A reference stands for text that no URL can hold.");
}
