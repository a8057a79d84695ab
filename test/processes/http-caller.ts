// Requests of one caller over HTTP, as tests write them: JSON in, status, headers and JSON out. Refuses nothing by itself.

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** As it came. */
  readonly text: string;
  /** Parsed when it is JSON, else null. What it is, the test knows. */
  json<Body>(): Body;
  /** `code` of a problem object; null of anything else. */
  readonly code: string | null;
}

export interface HttpCaller {
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  put(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  patch(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  delete(path: string, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
}

/** Null: nobody is signed in. `url` is asked for at each request: an app that was started again has another one. */
export function httpCaller(url: () => string, token: string | null): HttpCaller {
  const send = async (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> => {
    const response = await fetch(`${url()}${path}`, {
      method, redirect: "manual",
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
    const parsed = isJson && text !== "" ? JSON.parse(text) as unknown : null;
    const isProblem = parsed !== null && response.headers.get("content-type")?.startsWith("application/problem+json") === true;
    return { status: response.status, headers: response.headers, text, json: <Body>() => parsed as Body, code: isProblem ? (parsed as { code: string }).code : null };
  };
  return {
    send,
    get: (path, headers) => send("GET", path, undefined, headers),
    post: (path, body, headers) => send("POST", path, body, headers),
    put: (path, body, headers) => send("PUT", path, body, headers),
    patch: (path, body, headers) => send("PATCH", path, body, headers),
    delete: (path, headers) => send("DELETE", path, undefined, headers),
  };
}

/** How many answers had each status and code, such as `{ "201": 1, "409 OUT_OF_STOCK": 39 }`. */
export function countAnswers(answers: readonly HttpAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code } of answers) {
    const name = code === null ? String(status) : `${status} ${code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
