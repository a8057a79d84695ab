// A folder of a test's own for apps and data; `remove` leaves nothing of it. Sockets of the started apps go there too.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const root = join(import.meta.dir, "..", "..");

export interface ScratchFolder {
  readonly path: string;
  /** A path inside that is not taken yet. */
  free(name: string): string;
  /** Writes an app's files, by name; answers its folder. */
  app(files: Readonly<Record<string, string>>): string;
  /** Copies an app of this repository; answers its folder. */
  copy(app: string): string;
  remove(): void;
}

/** The name stays short: the path of a socket in it may have about 100 characters. */
export function scratchFolder(): ScratchFolder {
  const path = mkdtempSync(join(tmpdir(), "ambit-p-"));
  let count = 0;
  const free = (name: string): string => join(path, `${name}${++count}`);
  return {
    path, free,
    app(files) {
      const folder = free("app");
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), text);
      }
      return folder;
    },
    copy(app) {
      const folder = free("app");
      cpSync(join(root, app), folder, { recursive: true, filter: (source) => !source.includes("/.ambit") });
      return folder;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
