// Contents of files in a bucket of a service that speaks S3, under `PREFIXab12...`. The service says when they are durable.
import { fault } from "../base/error.ts";
import type { FileContent } from "./file-content.ts";
import { systemCode } from "./write-failure.ts";

export interface S3Settings {
  readonly bucket: string;
  /** Null: that of AWS for the region. */
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of every key; it may be empty. */
  readonly prefix: string;
}

export function s3Files({ bucket, endpoint, region, accessKey, secretKey, prefix }: S3Settings): FileContent {
  const client = new Bun.S3Client({
    bucket, accessKeyId: accessKey, secretAccessKey: secretKey, ...(endpoint === null ? {} : { endpoint }), ...(region === null ? {} : { region }),
  });
  const keyOf = (hash: string): string => `${prefix}${hash}`;
  return {
    // What is there already is just this; a broken upload of many parts never becomes an object.
    async put(hash, path) {
      await asked(async () => {
        if (!await client.exists(keyOf(hash))) await client.write(keyOf(hash), Bun.file(path), { type: "application/octet-stream" });
      });
    },
    async open(hash, { start, end }) {
      return asked(async () => {
        const file = client.file(keyOf(hash));
        if (!await file.exists()) throw fault("DATA_DAMAGED", "The content of a file is missing.", { fix: "Restore the objects of the bucket.", cause: new Error(`no content ${hash}`) });
        return file.slice(start, end).stream();
      });
    },
    async remove(hash) {
      await asked(() => client.delete(keyOf(hash)));
    },
    has: (hash) => asked(() => client.exists(keyOf(hash))),
    folder: null,
  };
}

/** Whatever the service or the network says, except our own refusals, is theirs to mend. */
async function asked<Result>(question: () => Promise<Result>): Promise<Result> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof Error && error.name === "AmbitError") throw error;
    throw fault("UNAVAILABLE", `The service that keeps the files does not answer as it should (${systemCode(error) || "no code"}).`, { cause: error, retryAfterS: 1 });
  }
}
