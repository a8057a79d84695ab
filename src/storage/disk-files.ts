// Contents of files in a folder of the data directory: `ab/ab12...`, by the first digits of their hash. Each appears whole or not at all.
import type { Stats } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
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
      if (await statOf(path) === null) throw missing(hash);
      return Bun.file(path).slice(start, end).stream();
    },
    async remove(hash) {
      await rm(pathOf(hash), { force: true });
    },
    has: async (hash) => await statOf(pathOf(hash)) !== null,
    folder: {
      async list(prefix) {
        try {
          return (await readdir(join(folder, prefix))).filter(isHash);
        } catch (error) {
          if (systemCode(error) === "ENOENT") return [];
          throw error;
        }
      },
      // Also a new name of an old file changes this time.
      sinceMs: async (hash) => (await statOf(pathOf(hash)))?.ctimeMs ?? null,
    },
  };
}

export function contentPath(folder: string, hash: string): string {
  return join(folder, hash.slice(0, 2), hash);
}

async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

function missing(hash: string): Error {
  return fault("DATA_DAMAGED", "The content of a file is missing.", { fix: "Restore the folder files of the data directory from a backup.", cause: new Error(`no content ${hash}`) });
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
