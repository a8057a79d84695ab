// `fetch` as the body of a source gets it: it ends with the call that it belongs to, and no answer is longer than it may be.
export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchBounds {
  readonly bytes: number;
  readonly signal: AbortSignal;
  /** An answer was longer; reading it fails from there on. */
  exceeded(): void;
}

type Coding = ConstructorParameters<typeof DecompressionStream>[0];

/** Codings of answers, as the platform calls them. */
const CODINGS: Readonly<Record<string, Coding>> = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate", br: "brotli", zstd: "zstd" };

export function boundedFetch(fetch: Fetch, bounds: FetchBounds): Fetch {
  return async (url, init = {}) => {
    const own = init.signal ?? null;
    const signal = own === null ? bounds.signal : AbortSignal.any([bounds.signal, own]);
    const headers = new Headers(init.headers ?? (url instanceof Request ? url.headers : {}));
    if (!headers.has("accept-encoding")) headers.set("accept-encoding", "gzip, deflate, br, zstd");
    // What is compressed is unfolded below, piece by piece: the platform may unfold a small answer to a huge one before a byte of it is read.
    const response = await fetch(url, { ...init, signal, headers, decompress: false } as RequestInit);
    return bounded(response, bounds);
  };
}

async function bounded(response: Response, bounds: FetchBounds): Promise<Response> {
  const { body, status, statusText, headers } = response;
  if (body === null) return response;
  if (Number(headers.get("content-length") ?? 0) > bounds.bytes) {
    bounds.exceeded();
    await body.cancel();
    throw tooLong(bounds.bytes);
  }
  const coding = CODINGS[(headers.get("content-encoding") ?? "").trim().toLowerCase()];
  const plain = coding === undefined ? body : body.pipeThrough(new DecompressionStream(coding) as ReadableWritablePair<Uint8Array, Uint8Array>);
  return new Response(plain.pipeThrough(counted(bounds)), { status, statusText, headers });
}

/** What was compressed counts as it is read. */
function counted({ bytes, exceeded }: FetchBounds): TransformStream<Uint8Array, Uint8Array> {
  let read = 0;
  return new TransformStream({
    transform(chunk, controller) {
      read += chunk.byteLength;
      if (read <= bytes) return controller.enqueue(chunk);
      exceeded();
      controller.error(tooLong(bytes));
    },
  });
}

function tooLong(bytes: number): Error {
  return new Error(`the answer is longer than ${bytes} bytes`);
}
