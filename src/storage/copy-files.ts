// Contents of files beside a copy of the data: in `COPY.files`, laid out as in the data directory. A content never changes, so on the same
// disk a second name is a copy.
import { closeSync, constants, copyFileSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fault } from "../base/error.ts";
import type { Connection } from "./connection.ts";
import { contentPath } from "./disk-files.ts";
import { isHash } from "./file-content.ts";
import { contentsOf } from "./file-rows.ts";
import { partialTarget } from "./partial-target.ts";
import { syncDirectory } from "./private-file.ts";
import { readMeta } from "./system-tables.ts";
import { systemCode } from "./write-failure.ts";

/** In the data file: where contents are kept. */
export const FILE_DRIVER_KEY = "file driver";
/** How many missing ones are named. */
const MISSING_MAX = 10;

/** Of a copy of the data. */
export function filesBeside(copy: string): string {
  return `${copy}.files`;
}

/** What a copy of the data takes along. */
export interface FilesAlong {
  /** Before the copy is made: what is there by then cannot have gone when it refers to it. */
  gather(): void;
  /** Puts what `copy` refers to beside it. Throws DATA_DAMAGED where something is missing. */
  settle(copy: Connection): void;
  /** After either, whatever came of it. */
  clear(): void;
}

/** `folder`: that of the data directory, which may be missing. Throws USAGE where something is there already. */
export function filesAlong(folder: string, target: string): FilesAlong {
  const beside = filesBeside(target);
  let partial: string | null = null;
  return {
    gather() {
      if (!existsSync(folder)) return;
      if (existsSync(beside)) throw fault("USAGE", `${beside} exists already.`, { fix: "Name a file that does not exist; a backup replaces nothing." });
      partial = partialTarget(beside);
      mkdirSync(partial, { mode: 0o700 });
      for (const prefix of prefixesIn(folder)) for (const hash of readdirSync(join(folder, prefix)).filter(isHash)) copyContent(folder, partial, hash);
    },
    settle(copy) {
      if (!refersToFiles(copy)) return;
      if (partial === null) return void whole(copy, [folder]);
      const used = whole(copy, [partial, folder], partial);
      for (const prefix of prefixesIn(partial)) {
        for (const hash of readdirSync(join(partial, prefix))) if (!used.has(hash)) rmSync(join(partial, prefix, hash));
        syncDirectory(join(partial, prefix));
      }
      if (used.size === 0) return;
      syncDirectory(partial);
      renameSync(partial, beside);
      syncDirectory(dirname(beside));
    },
    clear() {
      if (partial !== null) rmSync(partial, { recursive: true, force: true });
    },
  };
}

/** Data of an older format refer to none. */
function refersToFiles(data: Connection): boolean {
  return data.get(`SELECT 1 FROM sqlite_schema WHERE "name" = '$file'`) !== null && contentsOf(data).next().done !== true;
}

/** Brings into `folder` what the data refer to and is not there, from the first of `sources` that has it. Throws DATA_DAMAGED. */
export function takeFiles(data: Connection, folder: string, sources: readonly string[]): void {
  if (!refersToFiles(data)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  whole(data, [folder, ...sources], folder);
  for (const prefix of prefixesIn(folder)) syncDirectory(join(folder, prefix));
  syncDirectory(folder);
  syncDirectory(dirname(folder));
}

/** The hashes that the data refer to, each in one of the folders with its size, and in `into` afterwards. Those in a bucket are not looked at. */
function whole(data: Connection, folders: readonly string[], into: string | null = null): ReadonlySet<string> {
  const used = new Set<string>();
  const missing: string[] = [];
  if (readMeta(data, FILE_DRIVER_KEY) === "s3") return used;
  for (const { hash, size } of contentsOf(data)) {
    const from = folders.find((folder) => hasContent(folder, hash, size));
    if (from === undefined) missing.push(hash);
    else if (into !== null && from !== into) copyContent(from, into, hash);
    used.add(hash);
  }
  if (missing.length === 0) return used;
  throw fault("DATA_DAMAGED", `${missing.length} contents of files are missing or not whole, for example ${missing.slice(0, MISSING_MAX).join(", ")}.`, {
    fix: `Put the folder of files beside the data: ${folders.join(" or ")}.`,
  });
}

/** With this size. */
export function hasContent(folder: string, hash: string, size: number): boolean {
  return statSync(contentPath(folder, hash), { throwIfNoEntry: false })?.size === size;
}

function prefixesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^[0-9a-f]{2}$/.test(name));
}

/** Nothing where it has gone, or has come, meanwhile. */
export function copyContent(from: string, to: string, hash: string): void {
  const [source, target] = [contentPath(from, hash), contentPath(to, hash)];
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  try {
    linkSync(source, target);
  } catch (error) {
    if (["EEXIST", "ENOENT"].includes(systemCode(error))) return;
    // Another disk, or one without links: under a name of its own until it is whole.
    const partial = `${target}.partial`;
    copyFileSync(source, partial, constants.COPYFILE_FICLONE);
    const descriptor = openSync(partial, "r+");
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(partial, target);
  }
}
