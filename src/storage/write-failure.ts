// What it means that a copy or an export could not be written, said of the file that was to be made.
import { AmbitError, fault } from "../base/error.ts";

/** STORAGE_FULL, USAGE or DATA_DAMAGED; what is none of them stays itself. */
export function writeFailure(error: unknown, path: string): unknown {
  if (error instanceof AmbitError) return error;
  const code = systemCode(error);
  if (code === "SQLITE_IOERR_READ" || code === "SQLITE_IOERR_SHORT_READ") return fault("DATA_DAMAGED", `The data cannot be read (${code}); no copy was made.`, { cause: error });
  if (/^(SQLITE_FULL|SQLITE_IOERR|ENOSPC|EDQUOT|EFBIG|EIO)/.test(code)) {
    return fault("STORAGE_FULL", `The disk of ${path} is full or fails (${code}); nothing was kept.`, { fix: "Free space there, or name a file on another disk.", cause: error });
  }
  if (/^(SQLITE_(CANTOPEN|READONLY|PERM)|EACCES|EPERM|EROFS|ENAMETOOLONG|ENOENT|EISDIR|ENOTDIR)/.test(code)) {
    return fault("USAGE", `${path} cannot be written (${code}); nothing was kept.`, { fix: "Name a place in a folder that exists and that this user may write.", cause: error });
  }
  return error;
}

/** Of an error of SQLite or of the operating system; else empty. */
export function systemCode(error: unknown): string {
  return (error as { readonly code?: string } | null)?.code ?? "";
}
