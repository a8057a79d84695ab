// `fetch` as the body of a source gets it: it ends with the call that it belongs to, and no answer is longer than it may be.
export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchBounds {
  readonly bytes: number;
  readonly signal: AbortSignal;
  /** An answer was longer; reading it fails from there on. */
  exceeded(): void;
}

export function boundedFetch(fetch: Fetch, bounds: FetchBounds): Fetch {
  return async (url, init = {}) => {
    const own = init.signal ?? null;
    const signal = own === null ? bounds.signal : AbortSignal.any([bounds.signal, own]);
    const response = await fetch(url, { ...init, signal });
    const { body, status, statusText, headers } = response;
    if (body === null) return response;
    if (Number(headers.get("content-length") ?? 0) > bounds.bytes) {
      bounds.exceeded();
      await body.cancel();
      throw tooLong(bounds.bytes);
    }
    return new Response(body.pipeThrough(counted(bounds)), { status, statusText, headers });
  };
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
