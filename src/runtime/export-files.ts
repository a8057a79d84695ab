// Contents of the files that exported records refer to, beside them in the folder of an export.
import { mkdirSync } from "node:fs";
import { fault } from "../base/error.ts";
import { FILE_DRIVER_KEY, copyContent, hasContent } from "../storage/copy-files.ts";
import { exportedRows, type ExportSource } from "../storage/exported-table.ts";
import { readMeta } from "../storage/system-tables.ts";
import { fileFields, filesIn } from "../tables/record-files.ts";
import { appTables } from "../schema/account-tables.ts";

/** `from`: of the data directory. Those in a bucket stay there. Throws DATA_DAMAGED where one is missing. */
export function exportFiles(source: ExportSource, from: string, to: string): void {
  if (readMeta(source.connection, FILE_DRIVER_KEY) === "s3") return;
  for (const table of appTables(source.catalog)) {
    const fields = fileFields(table);
    if (fields.length === 0) continue;
    for (const values of exportedRows(source, table)) {
      for (const { hash, size } of fields.flatMap(({ name }) => filesIn(values[name] ?? null))) {
        if (!hasContent(from, hash, size)) throw fault("DATA_DAMAGED", `The content ${hash} of a record of ${table.name} is missing in ${from}.`, { fix: "Restore that folder from a backup." });
        mkdirSync(to, { recursive: true, mode: 0o700 });
        copyContent(from, to, hash);
      }
    }
  }
}
