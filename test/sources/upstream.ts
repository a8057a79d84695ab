// A service elsewhere, as tests need it: it counts what it is asked, has ETags, and can be slow, broken or hostile.

export interface Upstream {
  readonly url: string;
  /** By path, such as `/rates/EUR`. */
  readonly records: Map<string, object>;
  /** Method and path of each request, and its If-None-Match. */
  readonly asked: { readonly method: string; readonly path: string; readonly tag: string | null; readonly body: unknown }[];
  /** Answers instead of the records; null: the records. */
  behave: ((request: Request) => Response | Promise<Response>) | null;
  stop(): Promise<void>;
}

export function startUpstream(): Upstream {
  const records = new Map<string, object>();
  const asked: { method: string; path: string; tag: string | null; body: unknown }[] = [];
  const server = Bun.serve({
    port: 0, hostname: "127.0.0.1", idleTimeout: 60,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const text = await request.text();
      const body = text === "" ? null : JSON.parse(text) as object;
      asked.push({ method: request.method, path, tag: request.headers.get("if-none-match"), body });
      return upstream.behave === null ? answer(records, { method: request.method, path, body, tag: request.headers.get("if-none-match") }) : upstream.behave(request);
    },
  });
  const upstream: Upstream = { url: `http://127.0.0.1:${server.port}`, records, asked, behave: null, stop: () => server.stop(true) };
  return upstream;
}

function answer(records: Map<string, object>, { method, path, body, tag }: { method: string; path: string; body: object | null; tag: string | null }): Response {
  if (method === "PUT") {
    records.set(path, body!);
    return Response.json(body);
  }
  if (method === "DELETE") return new Response(null, { status: records.delete(path) ? 204 : 404 });
  const record = records.get(path);
  if (record === undefined) return new Response(null, { status: 404 });
  const etag = `"${Bun.hash(JSON.stringify(record)).toString(36)}"`;
  return tag === etag ? new Response(null, { status: 304, headers: { etag } }) : Response.json(record, { headers: { etag } });
}
