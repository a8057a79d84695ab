// A provider of embeddings on loopback that answers by script: the words that two texts share make their vectors alike. Counts what it is asked.
import { scriptedEmbedding } from "../../src/models/scripted-embedding.ts";

export interface EmbeddingRequest { readonly model: string; readonly input: readonly string[]; readonly dimensions?: number }

/** Null: as it should be. */
export type Misbehaviour = (request: EmbeddingRequest, count: number) => Response | Promise<Response> | null | Promise<null>;

export interface EmbeddingServer {
  readonly url: string;
  /** All texts of all requests, in order. */
  readonly requests: readonly EmbeddingRequest[];
  readonly texts: readonly string[];
  /** From now on. */
  behaves(misbehaviour: Misbehaviour): void;
  stop(): Promise<void>;
}

export const DIMENSIONS = 64;

export async function vectorsOf(texts: readonly string[], dimensions = DIMENSIONS): Promise<readonly (readonly number[])[]> {
  return (await scriptedEmbedding("", dimensions).ask(texts, new AbortController().signal)).vectors;
}

export function answerWith(vectors: readonly unknown[], more: object = {}): Response {
  return Response.json({ object: "list", data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })), usage: { prompt_tokens: vectors.length * 3, total_tokens: vectors.length * 3 }, ...more });
}

export function startEmbeddingServer(): EmbeddingServer {
  const requests: EmbeddingRequest[] = [];
  let misbehaviour: Misbehaviour = () => null;
  const server = Bun.serve({
    port: 0, hostname: "127.0.0.1",
    async fetch(request) {
      const asked = await request.json() as EmbeddingRequest;
      requests.push(asked);
      return await misbehaviour(asked, requests.length) ?? answerWith(await vectorsOf(asked.input));
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`, requests,
    get texts() { return requests.flatMap(({ input }) => input); },
    behaves(next) { misbehaviour = next; },
    stop: () => server.stop(true),
  };
}
