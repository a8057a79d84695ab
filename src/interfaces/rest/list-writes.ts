// POST to a table, and PATCH and DELETE of all records that a filter names.
import { AmbitError, fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { Plan } from "../../query/plan.ts";
import { notOneRecord } from "../../resources/not-one-record.ts";
import type { Result } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { readPrecondition, versionTag } from "./entity-tag.ts";
import { pickColumns } from "./pick-columns.ts";
import { contentRange } from "./item-range.ts";
import { bulkPlan, prepareQuery, requireFilter, requireNoFilter, type PreparedQuery } from "./query-plans.ts";
import { readRecord, readRecords, type RecordsInput } from "./read-input.ts";
import { chooseRepresentation, representRows, type Representation } from "./representation.ts";
import { locationOf, noContent, textOf, writeHeaders } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export function createRecords(request: RestRequest, table: Table): Answer | Promise<Answer> {
  const { exchange } = request;
  request.rights.require(table.name, "CREATE");
  const representation = chooseRepresentation(exchange.header("accept"));
  const prepared = prepareQuery(request, table);
  requireNoFilter(prepared);
  return whenReady(readRecords(exchange, table), (body) => createThese(body, { request, table, representation, prepared }));
}

interface ListWrite { readonly request: RestRequest; readonly table: Table; readonly representation: Representation; readonly prepared: PreparedQuery }

function createThese(body: RecordsInput, write: ListWrite): Answer | Promise<Answer> {
  const { request, table, representation, prepared } = write;
  const { exchange, preferences } = request;
  const { columns, onConflict: conflictFields } = prepared.query;
  const wanted = preferences.return === "representation";
  const inputs = body.inputs.map((input) => pickColumns(input, columns, preferences.missingDefault));
  // Known before anything is written; afterwards it could only be taken back.
  if (wanted && representation.kind === "object" && inputs.length !== 1) throw notOneRecord(inputs.length);
  const onConflict = preferences.resolution === null ? null : { fields: conflictFields, resolution: preferences.resolution };
  if (onConflict === null && conflictFields !== null) {
    throw fault("MALFORMED_QUERY", "on_conflict needs a preference for what to do then.", { where: "on_conflict", fix: "Add Prefer: resolution=merge-duplicates or ignore-duplicates." });
  }
  const precondition = readPrecondition(exchange.header("if-match"), exchange.header("if-none-match"));
  const result = request.dispatch({ kind: "create", table: table.name, inputs, onConflict, precondition, returning: wanted ? prepared.shape : null }, body.bytes);
  return whenReady(result, (done) => createdAnswer(write, done, inputs.length === 1));
}

function createdAnswer({ request, table, representation, prepared }: ListWrite, result: Result, single: boolean): Answer {
  const headers = writeHeaders(request, result);
  if (result.createdId !== null) headers["location"] = locationOf(table, result.createdId, request);
  headers["content-range"] = contentRange(0, 0, request.preferences.count === null ? null : result.affected);
  const text = textOf(result.body);
  if (request.preferences.return !== "representation" || text === "") {
    if (single && result.version !== null) headers["etag"] = versionTag(result.version, "");
    return { status: result.status, headers, body: null };
  }
  headers["content-type"] = representation.mediaType;
  return { status: result.status, headers, body: representRows(text, representation, prepared.columns) };
}

export function updateRecords(request: RestRequest, table: Table): Answer | Promise<Answer> {
  request.rights.require(table.name, "UPDATE");
  const bulk = prepareBulk(request, table);
  return whenReady(readRecord(request.exchange, ["json", "merge-patch"]), ({ input, merge, bytes }) => {
    const { plan, returning, maxAffected } = bulk;
    const chosen = pickColumns(input, bulk.prepared.query.columns, true);
    const result = dispatchBulk(bulk, () => request.dispatch({ kind: "update-many", plan, input: chosen, merge, maxAffected, returning }, bytes));
    return whenReady(result, (done) => bulkAnswer(bulk, done, contentRange(0, done.affected, request.preferences.count === null ? null : done.affected)));
  });
}

export function removeRecords(request: RestRequest, table: Table): Answer | Promise<Answer> {
  request.rights.require(table.name, "DELETE");
  const bulk = prepareBulk(request, table);
  return whenReady(request.exchange.body(), (bytes) => {
    const { plan, returning, maxAffected } = bulk;
    const result = dispatchBulk(bulk, () => request.dispatch({ kind: "remove-many", plan, maxAffected, returning }, bytes));
    return whenReady(result, (done) => bulkAnswer(bulk, done, contentRange(0, 0, request.preferences.count === null ? null : done.affected)));
  });
}

interface BulkWrite extends ListWrite { readonly plan: Plan; readonly returning: Plan | null; readonly maxAffected: number | null; readonly single: boolean }

function prepareBulk(request: RestRequest, table: Table): BulkWrite {
  const { exchange, preferences } = request;
  if (exchange.header("if-match") !== null || exchange.header("if-none-match") !== null) {
    throw fault("MALFORMED_HEADER", "A precondition stands on one record, not on all that a filter names.", { fix: "Write to the record's own path, or put the condition into the filter." });
  }
  const representation = chooseRepresentation(exchange.header("accept"));
  const prepared = prepareQuery(request, table);
  requireFilter(prepared);
  const wanted = preferences.return === "representation";
  const single = wanted && representation.kind === "object";
  return {
    request, table, representation, prepared, single, plan: bulkPlan(prepared), returning: wanted ? prepared.shape : null,
    maxAffected: single ? Math.min(1, preferences.maxAffected ?? 1) : preferences.maxAffected,
  };
}

/** With `object+json` more than one record is refused before it is written. */
function dispatchBulk(bulk: BulkWrite, dispatch: () => Result | Promise<Result>): Result | Promise<Result> {
  const refuse = (error: unknown): never => { throw bulkRefusal(bulk, error); };
  try {
    const result = dispatch();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return refuse(error);
  }
}

function bulkRefusal({ single, request }: BulkWrite, error: unknown): unknown {
  const wasTooMany = error instanceof AmbitError && error.code === "TOO_MANY_ROWS";
  if (!single || !wasTooMany || (request.preferences.maxAffected ?? 1) < 1) return error;
  return fault("NOT_ONE_RECORD", "JSON object requested, multiple (or no) rows returned", { details: "The result contains more than 1 row", cause: error });
}

function bulkAnswer({ request, representation, prepared, returning }: BulkWrite, result: Result, range: string): Answer {
  const headers = writeHeaders(request, result);
  headers["content-range"] = range;
  if (returning === null) return noContent(headers);
  headers["content-type"] = representation.mediaType;
  return { status: 200, headers, body: representRows(textOf(result.body) || "[]", representation, prepared.columns) };
}
