// Opens what deals with files, once for all reloads: where contents are kept, the key of links, and the sweep of what nothing refers to.
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { createFileLinks, type FileLinks } from "../resources/file-links.ts";
import { FILES_FOLDER, diskFiles } from "../storage/disk-files.ts";
import type { FileContent } from "../storage/file-content.ts";
import { FileStore } from "../storage/file-store.ts";
import { FILE_DRIVER_KEY } from "../storage/copy-files.ts";
import type { Storage } from "../storage/open-storage.ts";
import { s3Files, type S3Settings } from "../storage/s3-files.ts";
import { readMeta, writeMeta } from "../storage/system-tables.ts";
import { createFileSweeper } from "../tables/file-sweeper.ts";
import type { LoadedApp } from "./load-app.ts";

export interface AppFiles {
  readonly store: FileStore;
  readonly links: FileLinks;
  stats(): Readonly<Record<string, number>>;
  /** Begins to remove what nothing refers to. */
  start(): Promise<void>;
  stop(): void;
}

export interface OpenFilesOptions {
  readonly dataDirectory: string;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What is served now. */
  readonly current: () => LoadedApp;
}

export function contentOf(s3: S3Settings | null, dataDirectory: string): FileContent {
  return s3 === null ? diskFiles(join(dataDirectory, FILES_FOLDER)) : s3Files(s3);
}

/** The driver is that of the first app: another one needs a restart. */
export function openFiles({ dataDirectory, storage, clock, random, log, current }: OpenFilesOptions): AppFiles {
  const { s3 } = current().config.files;
  const content = contentOf(s3, dataDirectory);
  const store = new FileStore({ directory: dataDirectory, content, random, clock });
  const sweeper = createFileSweeper({ storage, store, clock, log, catalog: () => current().catalog, limits: () => current().config.limits });
  return {
    store, links: createFileLinks(storage, random),
    stats: () => ({ ...store.stats(), ...sweeper.stats() }),
    async start() {
      const driver = s3 === null ? "disk" : "s3";
      if (readMeta(storage.reader, FILE_DRIVER_KEY) !== driver) await storage.commit((connection) => writeMeta(connection, FILE_DRIVER_KEY, driver));
      sweeper.start();
    },
    stop: () => sweeper.stop(),
  };
}
