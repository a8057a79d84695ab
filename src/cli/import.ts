// `ambit import`: records from NDJSON files, into data at rest or through the app that runs on them.
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { AmbitError, fault } from "../base/error.ts";
import { systemRandom } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { askControl } from "../runtime/control.ts";
import { bringFiles } from "../runtime/import-files.ts";
import { importData, type ImportCounts } from "../runtime/import-data.ts";
import { importTarget, remoteTarget, type ImportRequest, type ImportTarget } from "../runtime/import-rows.ts";
import { contentOf } from "../runtime/open-files.ts";
import { isError } from "../runtime/load-app.ts";
import { loadCatalog, type LoadedCatalog } from "../runtime/load-catalog.ts";
import type { FileContent } from "../storage/file-content.ts";
import { openStorage } from "../storage/open-storage.ts";
import { createTables } from "../tables/engine.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

export const importCommand: Command = {
  name: "import",
  usage: "SOURCE [DIR] [--replace] [--data DIR]",
  summary: "Records from TABLE.ndjson files, in any order, also while the app runs.",
  words: { min: 1, max: 2 },
  flags: {
    replace: { value: null, help: "Replace records that are there and differ, instead of refusing them." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const directory = resolve(call.words[1] ?? ".");
    const loaded = await loadCatalog(directory, call.environment);
    if (loaded.diagnostics.some(isError)) {
      call.output.diagnostics(loaded.diagnostics);
      return 1;
    }
    const data = dataDirectory(call, directory);
    const content = contentOf(loaded.config.files.s3, data);
    await bringFiles(resolve(call.words[0]!), data, content);
    const counts = await runs(data) ? await transfer(call, loaded, { target: remoteTarget((request) => ask(data, request)), lineBytesMax: loaded.config.limits.bodyBytes }) : await intoFile(call, loaded, { directory: data, files: content });
    call.output.object({ event: "imported", ...counts });
    call.output.say(`${counts.created} records created, ${counts.replaced} replaced, ${counts.unchanged} there already.`);
    return 0;
  },
};

/** Of lines that no request carries. */
const LINE_BYTES_MAX = 67_108_864;

async function transfer(call: Call, { catalog, config: { limits } }: LoadedCatalog, to: { readonly target: ImportTarget; readonly lineBytesMax: number }): Promise<ImportCounts> {
  const counts = await importData({
    source: resolve(call.words[0]!), catalog, ...to, replace: call.isSet("replace"), problemsMax: limits.validationIssues,
    onProgress: (text) => call.output.progress(text),
  });
  call.output.progress("");
  return counts;
}

async function intoFile(call: Call, loaded: LoadedCatalog, { directory, files }: { readonly directory: string; readonly files: FileContent }): Promise<ImportCounts> {
  const { catalog, book, config: { limits } } = loaded;
  const clock = systemClock();
  const storage = openStorage({ directory, limits, clock, onFatal(error) { throw error; } });
  try {
    storage.prepareCatalog(catalog, book);
    const tables = createTables({ storage, catalog, book, clock, random: systemRandom(), limits });
    return await transfer(call, loaded, { target: importTarget({ tables, catalog, limits, files }), lineBytesMax: LINE_BYTES_MAX });
  } finally {
    await storage.close();
  }
}

async function runs(data: string): Promise<boolean> {
  const response = await askControl(data, "/health", { method: "GET", acting: { kind: "administrator" }, headers: {}, body: null });
  return response !== null;
}

async function ask(data: string, request: ImportRequest): Promise<Json> {
  const stopped = (cause?: unknown): AmbitError => fault("UNAVAILABLE", "The app stopped meanwhile; some lines may be written.", { fix: "Run the import again: it goes on where it was.", cause });
  const asking = { method: "POST", acting: { kind: "administrator" } as const, headers: { "content-type": "application/json" }, body: JSON.stringify(request) };
  const response = await askControl(data, "/admin/import", asking).catch((error: unknown) => { throw stopped(error); });
  if (response === null) throw stopped();
  const body = await response.json().catch((error: unknown) => { throw stopped(error); }) as Json;
  if (response.ok) return body;
  const { status, code, message, details, fix } = body as { status: number; code: string; message: string; details: Json; fix: string | null };
  throw new AmbitError(status, code, message, { details, ...(fix === null ? {} : { fix }) });
}
