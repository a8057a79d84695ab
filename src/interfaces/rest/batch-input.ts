// The body of POST /batch: its operations, each checked for shape. Nothing unknown is ignored.
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import { referencesIn } from "./batch-json.ts";
import { REFERENCE_NAME, unknownReference, type Reference } from "./batch-reference.ts";
import { readBatchTarget, type BatchTarget } from "./batch-target.ts";

export interface BatchItem {
  /** Null: nothing refers to its answer by name. */
  readonly name: string | null;
  readonly method: string;
  readonly target: BatchTarget;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed JSON; undefined: none. */
  readonly body: unknown;
}

export interface BatchInput {
  readonly items: readonly BatchItem[];
  /** Names that some later operation refers to. */
  readonly referred: ReadonlySet<string>;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const HEADERS = new Set(["accept", "content-type", "if-match", "if-none-match", "prefer", "range", "range-unit"]);
const MEMBERS = new Set(["id", "method", "path", "headers", "body"]);

/** Throws VALIDATION_FAILED, UNKNOWN_REFERENCE, TOO_MANY_ROWS, each with its place. */
export function readBatch(value: unknown, limits: Limits): BatchInput {
  const operations = isObject(value) && Object.keys(value).every((name) => name === "operations") ? value["operations"] : undefined;
  if (!Array.isArray(operations)) throw wrong("The body of a batch is an object with the list operations, and nothing else.", "", 'Send {"operations": [{"method": "GET", "path": "/Product"}]}.');
  const { batchOperations } = limits;
  if (operations.length > batchOperations) throw fault("TOO_MANY_ROWS", `A batch has at most ${batchOperations} operations.`, { fix: "Send it in several batches, or several records in one operation." });
  const names = namesOf(operations);
  const before = new Set<string>();
  const referred = new Set<string>();
  const items = operations.map((operation: unknown, index) => at(index, () => {
    const { item, references } = readItem(operation, limits, names);
    for (const { text, name } of references) {
      if (!before.has(name)) throw unknownReference(text, names.has(name) ? "that operation does not come before" : "no operation has this id");
      referred.add(name);
    }
    if (item.name !== null) before.add(item.name);
    return item;
  }));
  return { items, referred };
}

function namesOf(operations: readonly unknown[]): ReadonlySet<string> {
  const names = new Set<string>();
  operations.forEach((operation, index) => at(index, () => {
    if (!isObject(operation) || operation["id"] === undefined) return;
    const { id } = operation;
    if (typeof id !== "string" || !REFERENCE_NAME.test(id)) throw wrong("An id is a name of up to 64 letters, digits, _ and -.", "id");
    if (names.has(id)) throw wrong("Two operations have this id.", "id");
    names.add(id);
  }));
  return names;
}

interface ReadItem { readonly item: BatchItem; readonly references: readonly Reference[] }

function readItem(operation: unknown, { urlBytes, headerBytes }: Limits, names: ReadonlySet<string>): ReadItem {
  if (!isObject(operation)) throw wrong("An operation is an object.", "");
  const unknown = Object.keys(operation).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw wrong(`An operation has no member ${unknown.slice(0, 100)}.`, "", "Use id, method, path, headers and body.");
  const { id, method, path, headers, body } = operation;
  if (typeof method !== "string" || !METHODS.has(method)) throw wrong("The method is one of GET, HEAD, POST, PUT, PATCH, DELETE.", "method");
  if (typeof path !== "string") throw wrong("The path is a text such as /Product/42.", "path");
  if (body !== undefined && (method === "GET" || method === "HEAD")) throw wrong(`A ${method} has no body.`, "body");
  const target = readBatchTarget(path, { urlBytes, names });
  const item: BatchItem = { name: (id as string | undefined) ?? null, method, target, headers: readHeaders(headers, headerBytes), body };
  return { item, references: [...target.references, ...(body === undefined ? [] : referencesIn(body))] };
}

function readHeaders(headers: unknown, headerBytes: number): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  if (headers === undefined) return read;
  if (!isObject(headers)) throw wrong("The headers are an object of texts.", "headers");
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (!HEADERS.has(key)) throw wrong(`An operation has no header ${name.slice(0, 100)} of its own.`, "headers", key === "idempotency-key" ? "Send it with the batch." : `Use ${[...HEADERS].join(", ")}.`);
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw wrong(`The header ${key} is a text.`, "headers");
    if (read.has(key)) throw wrong(`The header ${key} stands there twice.`, "headers");
    bytes += key.length + value.length + 4;
    read.set(key, value.trim());
  }
  if (bytes > headerBytes) throw fault("HEADERS_TOO_LARGE", `The headers are larger than ${headerBytes} bytes.`, { where: "headers" });
  return read;
}

/** What goes wrong with the reading of operation `index` says so. */
function at<Read>(index: number, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    const { where, ...extras } = error.extras;
    throw new AmbitError(error.status, error.code, error.message, { ...extras, where: `operations[${index}]${where === undefined || where === "" ? "" : `.${where}`}` });
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(message: string, where: string, fix?: string): AmbitError {
  return fault("VALIDATION_FAILED", message, { where, ...(fix === undefined ? {} : { fix }) });
}
