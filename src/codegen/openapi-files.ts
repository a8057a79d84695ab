// The paths of /files in the OpenAPI document, for callers who may bring or see any.
import type { JsonObject } from "./json-schema.ts";
import { jsonContent, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";
import { settableFields, visibleFields } from "./record-schema.ts";
import { isFile } from "../schema/file-type.ts";

const BYTES: JsonObject = { "application/octet-stream": {} };
const ID: JsonObject = { name: "id", in: "path", required: true, schema: { type: "string", pattern: "^[0-9a-f]{40}$" } };

export function filePaths(reach: Reach): JsonObject {
  const paths: JsonObject = {};
  let any = false;
  for (const table of reach.tables) {
    any ||= visibleFields(table, reach).some(({ type }) => isFile(type));
    const names = new Set([...settableFields(table, "CREATE", reach), ...settableFields(table, "UPDATE", reach)].filter(({ type }) => isFile(type)).map(({ name }) => name));
    for (const field of names) paths[`/files/${table.exportName!}/${field}`] = { post: uploadOperation(table.exportName!, field) };
  }
  if (!any) return paths;
  return {
    ...paths,
    "/files/{id}": { parameters: [ID], get: downloadOperation() },
    "/files/{id}/link": { parameters: [ID], post: linkOperation() },
  };
}

function uploadOperation(table: string, field: string): JsonObject {
  return {
    operationId: `upload${table}${field.charAt(0).toUpperCase()}${field.slice(1)}`, tags: [table], summary: `Brings a file for ${field}; a record then refers to it by its url.`,
    parameters: [{ name: "name", in: "query", description: "What it is called.", schema: { type: "string", maxLength: 255 } }],
    requestBody: { required: true, content: BYTES },
    responses: { 201: { description: "The file.", content: jsonContent({ $ref: "#/components/schemas/Blob" }) }, default: problem },
  };
}

function downloadOperation(): JsonObject {
  return {
    operationId: "downloadFile", summary: "The content of a file, whole or a range of it.",
    parameters: [
      { name: "Range", in: "header", description: "One range of bytes.", schema: { type: "string" }, example: "bytes=0-1023" },
      { name: "expires", in: "query", description: "Of a link.", schema: { type: "integer" } }, { name: "signature", in: "query", description: "Of a link.", schema: { type: "string" } },
    ],
    responses: { 200: { description: "All of it.", content: BYTES }, 206: { description: "The range.", content: BYTES }, 304: { description: "It is still the one in If-None-Match." }, default: problem },
  };
}

function linkOperation(): JsonObject {
  const text: JsonObject = { type: "string" };
  return {
    operationId: "linkFile", summary: "Makes a link that is good for itself until it expires.",
    requestBody: { required: true, content: jsonContent({ type: "object", properties: { expires: { ...text, format: "duration" } }, required: ["expires"], additionalProperties: false }, { expires: "PT10M" }) },
    responses: { 200: { description: "The link.", content: jsonContent({ type: "object", properties: { url: text, expires: { ...text, format: "date-time" } }, required: ["url", "expires"] }) }, default: problem },
  };
}

/** In both directions: writers send the url alone. */
export function fileSchema(): JsonObject {
  return {
    type: "object", description: "A file. To write one, upload it and send its url.", required: ["url"], additionalProperties: false,
    properties: {
      url: { type: "string", format: "uri-reference", description: "Where it can be had, for who may read the field." }, size: { type: "integer", description: "In bytes." },
      type: { type: "string", description: "Media type, as the content tells." }, name: { type: ["string", "null"] }, hash: { type: "string", description: "SHA-256 of the content, hex." },
    },
  };
}
