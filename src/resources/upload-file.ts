// Takes a file that a field of a table may refer to: who may set the field may bring it. It is nobody's until a record refers to it.
import type { Rights } from "../access/rights.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Field, Table } from "../schema/catalog.ts";
import { type FileValue, KeptFile, isFile } from "../schema/file-type.ts";
import { FILE_ID_BYTES, fileUrl } from "../schema/file-url.ts";
import { countPending, insertFile } from "../storage/file-rows.ts";
import type { ReceivedFile } from "../storage/file-store.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { checkedFileName } from "./file-name.ts";
import type { OperationBody, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { sniffType } from "./sniff-type.ts";

type UploadBody = Extract<OperationBody, { kind: "upload" }>;

/** Throws NOT_FOUND, UNAUTHENTICATED, FORBIDDEN, READ_ONLY_FIELD, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, REQUEST_TIMEOUT, OVERLOADED, STORAGE_FULL. */
export async function uploadFile(core: DispatchCore, body: UploadBody, caller: Caller): Promise<Result> {
  const { table, field } = placeOf(core, body, caller.rights);
  const name = checkedFileName(body.name);
  const { identity, rights } = caller;
  const { limits, storage, clock } = core;
  if (countPending(storage.reader, identity.subject) >= limits.pendingFiles) {
    throw fault("OVERLOADED", `More than ${limits.pendingFiles} files were brought that no record refers to.`, { retryAfterS: 60, fix: "Refer to them, or wait until they are gone.", headers: { connection: "close" } });
  }
  const received = await receive(core, field, body);
  const type = await sniffType(received.head);
  if (!isPermitted(type, core.files.types)) {
    await core.files.store.discard(received);
    throw fault("UNSUPPORTED_MEDIA_TYPE", `The file is ${type}, which is not taken here.`, { fix: `Send one of ${core.files.types.join(", ")}.` });
  }
  const { hash, size } = received;
  const id = createFileId(core);
  await core.files.store.keep(received, () => storage.commit((connection) => insertFile(connection, {
    id, hash, size, type, name, owner: identity.subject, tenant: rights.confinement?.tenant ?? null, table: table.sqlName, field: field.name, record: null,
  }, dateTimeOf(clock.now() + limits.fileGraceMs))));
  const value: FileValue = { url: fileUrl(id), size, type, name, hash };
  return { ...nothing, status: 201, body: value };
}

/** A file of code's own, under the same limits; to be handed in as the value of the field. */
export async function keepFile(core: DispatchCore, field: Field, { content, name }: { readonly content: Blob; readonly name: string | null }): Promise<KeptFile> {
  const received = await receive(core, field, { content: content.stream(), length: content.size });
  const type = await sniffType(received.head);
  const { hash, size } = received;
  await core.files.store.keep(received, null);
  return new KeptFile(createFileId(core), { hash, size, type, name });
}

function createFileId({ random }: DispatchCore): string {
  return Buffer.from(random.bytes(FILE_ID_BYTES)).toString("hex");
}

function noField(): AmbitError {
  return fault("NOT_FOUND", "No field for files is at this path.", { fix: "Send the file to /files/TABLE/FIELD, a field of type Blob." });
}

/** A field that the caller could not set in any record is not there, as with writing it. */
function placeOf(core: DispatchCore, body: UploadBody, rights: Rights): { readonly table: Table; readonly field: Field } {
  const table = core.catalog.tables.get(body.table);
  const field = table?.fields.get(body.field);
  if (table === undefined || field === undefined || field.kind !== "stored" || !isFile(field.type)) throw noField();
  if (rights.permission(table.name, "CREATE") === false) rights.require(table.name, "UPDATE");
  const own = rights.authority?.table(table.name).field(field.name);
  if (field.internal && !rights.administrator) throw noField();
  if (own !== undefined && !rights.administrator && own.create === false && own.update === false) throw own.read === false ? noField() : rights.refusal(`set ${field.name} of ${table.name}`);
  if (field.readOnly) throw fault("READ_ONLY_FIELD", `${field.name} of ${table.name} cannot be set.`, { where: field.name });
  return { table, field };
}

async function receive(core: DispatchCore, field: Field, { content, length }: { readonly content: ReadableStream<Uint8Array>; readonly length: number | null }): Promise<ReceivedFile> {
  const { clock, limits, files } = core;
  const bytes = Math.min(limits.fileBytes, field.type.list ? Infinity : field.limits.length?.max ?? Infinity);
  if (length !== null && length > bytes) throw fault("BODY_TOO_LARGE", `A file here has at most ${bytes} bytes.`, { fix: "Send a smaller file, or raise limits.fileBytes and the @length of the field.", headers: { connection: "close" } });
  const late = new AbortController();
  const cancel = clock.schedule(limits.uploadMs, () => late.abort(fault("REQUEST_TIMEOUT", `The file did not arrive within ${limits.uploadMs} ms.`, { headers: { connection: "close" } })));
  try {
    return await files.store.receive(content, { bytes, atOnce: limits.uploads, signal: late.signal });
  } finally {
    cancel();
  }
}

/** `types`: media types, or all of a kind, as in image/*; empty: every one. */
function isPermitted(type: string, types: readonly string[]): boolean {
  return types.length === 0 || types.some((one) => one === type || (one.endsWith("/*") && type.startsWith(one.slice(0, -1))));
}
