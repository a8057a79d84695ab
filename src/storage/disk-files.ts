// Contents of files in a folder of the data directory: `ab/ab12...`, by the first digits of their hash. Each appears whole or not at all.
import { access, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../base/error.ts";
import { type FileContent, isHash } from "./file-content.ts";
import { systemCode } from "./write-failure.ts";

/** In the data directory. */
export const FILES_FOLDER = "files";

/** `folder` is there. */
export function diskFiles(folder: string): FileContent {
  const pathOf = (hash: string): string => contentPath(folder, hash);
  return {
    async put(hash, path) {
      const parent = join(folder, hash.slice(0, 2));
      if (await mkdir(parent, { recursive: true, mode: 0o700 }) !== undefined) await syncFolder(folder);
      await rename(path, pathOf(hash));
      await syncFolder(parent);
    },
    async open(hash, { start, end }) {
      const path = pathOf(hash);
      try {
        await access(path);
      } catch (error) {
        throw missing(hash, error);
      }
      return Bun.file(path).slice(start, end).stream();
    },
    async remove(hash) {
      await rm(pathOf(hash), { force: true });
    },
    async list(prefix) {
      try {
        return (await readdir(join(folder, prefix))).filter(isHash);
      } catch (error) {
        if (systemCode(error) === "ENOENT") return [];
        throw error;
      }
    },
  };
}

export function contentPath(folder: string, hash: string): string {
  return join(folder, hash.slice(0, 2), hash);
}

/** Null: it is not there. */
export async function contentSize(folder: string, hash: string): Promise<number | null> {
  try {
    return (await stat(contentPath(folder, hash))).size;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

function missing(hash: string, cause: unknown): Error {
  return fault("DATA_DAMAGED", "The content of a file is missing.", { fix: "Restore the folder files of the data directory from a backup.", cause: new Error(`no content ${hash}`, { cause }) });
}

/** The names in it are on disk when this resolves. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
