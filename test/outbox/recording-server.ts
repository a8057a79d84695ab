// A real HTTP server on loopback that writes down every request it gets, and answers as it is told to.
import { until } from "../processes/waits.ts";

export interface RecordedRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly atMs: number;
}

/** What a request is answered. `earlier`: how many came before. */
export type Answering = (request: RecordedRequest, earlier: number) => Response | Promise<Response>;

export interface RecordingServer {
  readonly url: string;
  readonly host: string;
  readonly requests: readonly RecordedRequest[];
  answer: Answering;
  /** Resolves once that many requests came. */
  received(count: number): Promise<readonly RecordedRequest[]>;
  stop(): Promise<void>;
}

export function recordingServer(answer: Answering = () => new Response("ok")): RecordingServer {
  const requests: RecordedRequest[] = [];
  const recording = {
    answer,
    requests,
    url: "", host: "",
    async received(count: number): Promise<readonly RecordedRequest[]> {
      await until(() => requests.length >= count, () => `${count} requests came; ${requests.length} did`);
      return requests;
    },
    stop: async () => { await server.stop(true); },
  };
  const server = Bun.serve({
    port: 0, hostname: "127.0.0.1", idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const recorded: RecordedRequest = { path: pathname + search, method: request.method, headers: Object.fromEntries(request.headers), body: await request.text(), atMs: performance.now() };
      const earlier = requests.length;
      requests.push(recorded);
      return recording.answer(recorded, earlier);
    },
    error: () => new Response(null, { status: 500 }),
  });
  recording.url = `http://127.0.0.1:${server.port}`;
  recording.host = `127.0.0.1:${server.port}`;
  return recording;
}
