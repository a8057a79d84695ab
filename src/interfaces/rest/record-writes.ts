// PUT, PATCH and DELETE of one record named by the path.
import { whenReady } from "../../base/when-ready.ts";
import type { Plan } from "../../query/plan.ts";
import type { Result } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { readPrecondition, versionTag } from "./entity-tag.ts";
import { pickColumns } from "./pick-columns.ts";
import { prepareKeyQuery } from "./query-plans.ts";
import { readRecord } from "./read-input.ts";
import { chooseRepresentation, representRecord, type Representation } from "./representation.ts";
import { locationOf, noContent, textOf, writeHeaders } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

/** What both sides of a write need. */
interface RecordWrite {
  readonly request: RestRequest;
  readonly table: Table;
  readonly representation: Representation;
  /** Null: the answer has no body. */
  readonly returning: Plan | null;
  /** Keys of the body that count; null: all. */
  readonly columns: readonly string[] | null;
}

export function replaceRecord(request: RestRequest, table: Table, idText: string): Answer | Promise<Answer> {
  if (request.rights.permission(table.name, "CREATE") === false) request.rights.require(table.name, "UPDATE");
  const id = request.idOf(table, idText);
  const write = prepare(request, table);
  return whenReady(readRecord(request.exchange, ["json"]), ({ input, bytes }) => {
    const result = request.dispatch({ kind: "replace", table: table.name, id, input: pickColumns(input, write.columns, true), precondition: preconditionOf(request), returning: write.returning }, bytes);
    return whenReady(result, (done) => answerOf(write, done));
  });
}

export function updateRecord(request: RestRequest, table: Table, idText: string): Answer | Promise<Answer> {
  request.rights.require(table.name, "UPDATE");
  const id = request.idOf(table, idText);
  const write = prepare(request, table);
  return whenReady(readRecord(request.exchange, ["json", "merge-patch"]), ({ input, merge, bytes }) => {
    const result = request.dispatch({ kind: "update", table: table.name, id, input: pickColumns(input, write.columns, true), merge, precondition: preconditionOf(request), returning: write.returning }, bytes);
    return whenReady(result, (done) => answerOf(write, done));
  });
}

export function removeRecord(request: RestRequest, table: Table, idText: string): Answer | Promise<Answer> {
  request.rights.require(table.name, "DELETE");
  const id = request.idOf(table, idText);
  const write = prepare(request, table);
  return whenReady(request.exchange.body(), (bytes) => {
    const result = request.dispatch({ kind: "remove", table: table.name, id, precondition: preconditionOf(request), returning: write.returning }, bytes);
    return whenReady(result, (done) => answerOf(write, { ...done, version: null }));
  });
}

/** The query is read even where nothing is answered: what it misspells is not ignored. */
function prepare(request: RestRequest, table: Table): RecordWrite {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  const wanted = request.preferences.return === "representation";
  const query = request.exchange.query === "" && !wanted ? null : prepareKeyQuery(request, table);
  return { request, table, representation, returning: wanted ? query!.plan : null, columns: query?.columns ?? null };
}

function preconditionOf(request: RestRequest): ReturnType<typeof readPrecondition> {
  return readPrecondition(request.exchange.header("if-match"), request.exchange.header("if-none-match"));
}

function answerOf({ request, table, representation, returning }: RecordWrite, result: Result): Answer {
  const headers = writeHeaders(request, result);
  const created = result.status === 201;
  if (created && result.createdId !== null) headers["location"] = locationOf(table, result.createdId, request);
  const text = returning === null ? "" : textOf(result.body);
  if (text === "") {
    if (result.version !== null) headers["etag"] = versionTag(result.version, "");
    return created ? { status: 201, headers, body: null } : noContent(headers);
  }
  if (result.version !== null) headers["etag"] = versionTag(result.version, representation.tagSuffix);
  headers["content-type"] = representation.mediaType;
  return { status: result.status, headers, body: representRecord(text, representation) };
}
