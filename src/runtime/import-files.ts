// Contents of files on their way in with an import: from the folder of an export to where this app keeps them, before the records that refer
// to them. What nothing refers to afterwards is swept away by the app.
import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../base/error.ts";
import { FILES_FOLDER } from "../storage/disk-files.ts";
import { type FileContent, isHash } from "../storage/file-content.ts";

/** `source`: as of `ambit import`. Throws USAGE for a content that is not what its name says. */
export async function bringFiles(source: string, dataDirectory: string, content: FileContent): Promise<void> {
  const folder = join(source, FILES_FOLDER);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return;
  const incoming = join(dataDirectory, FILES_FOLDER, `importing-${process.pid}`);
  mkdirSync(incoming, { recursive: true, mode: 0o700 });
  try {
    for (const prefix of readdirSync(folder)) {
      for (const hash of readdirSync(join(folder, prefix)).filter(isHash)) {
        if (await content.has(hash)) continue;
        const copy = join(incoming, hash);
        copyFileSync(join(folder, prefix, hash), copy);
        if (await hashOf(copy) !== hash) throw fault("USAGE", `${join(folder, prefix, hash)} is not the content that its name says.`, { fix: "Export again." });
        await content.put(hash, copy);
      }
    }
  } finally {
    rmSync(incoming, { recursive: true, force: true });
  }
}

/** Of a file that is on disk when this resolves. */
async function hashOf(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const piece of Bun.file(path).stream()) hasher.update(piece);
  const descriptor = openSync(path, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
  return hasher.digest("hex");
}
