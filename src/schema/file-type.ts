// What a field of type Blob holds: the description of a file, an object that every reader of nested objects knows how to read. What a
// writer sends is less: where the file is. The file itself is neither here nor in the record.
import type { Value } from "../base/value.ts";
import type { InputField, ObjectType, ScalarName, TypeRef } from "./catalog.ts";
import { fileUrl, isFileUrl } from "./file-url.ts";
import { noLimits } from "./no-limits.ts";

export const FILE_TYPE = "Blob";

/** A field's own type; a list of files too. */
export function isFile(type: Pick<TypeRef, "kind" | "name">): boolean {
  return type.kind === "object" && type.name === FILE_TYPE;
}

/** What a callable gets is the file itself. */
export function isFileArgument({ type }: { readonly type: Pick<TypeRef, "kind" | "name"> }): boolean {
  return type.kind === "scalar" && type.name === FILE_TYPE;
}

/** Of a stored field: what the schema calls Blob is an object there. */
export function storedType(type: TypeRef): TypeRef {
  return type.kind === "scalar" && type.name === FILE_TYPE ? { ...type, kind: "object" } : type;
}

/** As it is stored and shown. */
export type FileValue = {
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** Media type, as the content tells. */
  readonly type: string;
  /** As whoever brought it called it. */
  readonly name: string | null;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
};

/** A file that code hands in: its content is kept, its row comes with the record that refers to it. */
export class KeptFile implements FileValue {
  readonly url: string;
  readonly size: number;
  readonly type: string;
  readonly name: string | null;
  readonly hash: string;

  constructor(id: string, { size, type, name, hash }: Omit<FileValue, "url">) {
    this.url = fileUrl(id);
    this.size = size;
    this.type = type;
    this.name = name;
    this.hash = hash;
  }
}

export const fileType: ObjectType = {
  name: FILE_TYPE, description: "A file. To write one, upload it and send its url.", kind: "object",
  fields: new Map([
    member("url", "String", true, "Where it can be had, for who may read the field."), member("size", "Int", true, "In bytes."),
    member("type", "String", true, "Media type, as the content tells."), member("name", "String", false, null), member("hash", "String", true, "SHA-256 of the content, hex."),
  ].map((field) => [field.name, field])),
};

/** As it is sent. */
export const fileReference: ObjectType = { ...fileType, description: "An uploaded file.", fields: new Map([["url", fileType.fields.get("url")!]]) };

function member(name: string, scalar: ScalarName, required: boolean, description: string | null): InputField {
  return {
    name, description, position: { file: "", line: 1, column: 1 }, defaultValue: undefined, limits: noLimits,
    type: { kind: "scalar", name: scalar, list: false, required, itemRequired: false },
  };
}

/** A refusal reads after the path of the field. */
export type ReadFile = { readonly value: Value } | { readonly problem: string };

/**
 * A reference as it is sent: its url, alone or in the object that a reader gets. What else the object says must be so, which only the
 * data tell; what it leaves out is null.
 */
export function readFileReference(raw: unknown): ReadFile {
  if (raw instanceof KeptFile) return { value: raw as unknown as Value };
  const given = typeof raw === "string" ? { url: raw } : raw;
  const problem = "must be the url of an uploaded file, as text or as { url }.";
  if (typeof given !== "object" || given === null || Array.isArray(given)) return { problem };
  const members = given as { readonly [name: string]: unknown };
  const unknown = Object.keys(members).find((name) => !fileType.fields.has(name) && members[name] !== undefined);
  if (unknown !== undefined) return { problem: `${problem.slice(0, -1)}; ${fileType.name} has no ${JSON.stringify(unknown.slice(0, 100))}.` };
  const { url, size = null, type = null, name = null, hash = null } = members;
  if (typeof url !== "string" || !isFileUrl(url)) return { problem };
  if ((size !== null && typeof size !== "number") || [type, name, hash].some((text) => text !== null && typeof text !== "string")) return { problem };
  return { value: { url, size, type, name, hash } as Value };
}
