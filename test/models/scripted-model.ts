// A model endpoint over HTTP with scripted answers, as providers of the OpenAI chat format speak: tests say what it answers to which request.
export interface ChatRequest {
  readonly messages: readonly { readonly role: string; readonly content: unknown; readonly tool_calls?: unknown }[];
  readonly tools: readonly { readonly function: { readonly name: string; readonly parameters: unknown } }[];
}

export interface ScriptedCall { readonly name: string; readonly arguments: unknown }

/** Calls, or a whole Response for what is no answer. */
export type Script = (request: ChatRequest, count: number) => readonly ScriptedCall[] | Response | Promise<readonly ScriptedCall[] | Response>;

export interface ScriptedModel {
  readonly url: string;
  /** Of all requests so far. */
  readonly requests: ChatRequest[];
  script: Script;
  stop(): Promise<void>;
}

export function scriptedModel(script: Script): ScriptedModel {
  const requests: ChatRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1", port: 0, idleTimeout: 0,
    async fetch(request) {
      const body = await request.json() as ChatRequest;
      requests.push(body);
      const answer = await model.script(body, requests.length);
      return answer instanceof Response ? answer : Response.json(completion(answer));
    },
  });
  const model: ScriptedModel = { url: `http://127.0.0.1:${server.port}/v1`, requests, script, stop: () => server.stop(true) };
  return model;
}

/** As the OpenAI chat API answers. Arguments that are a text are sent as they are. */
export function completion(calls: readonly ScriptedCall[], more: { readonly finish?: string | null; readonly usage?: unknown } = {}): object {
  return {
    id: "c", object: "chat.completion", created: 1, model: "scripted",
    choices: [{
      index: 0, finish_reason: more.finish === undefined ? "tool_calls" : more.finish,
      message: { role: "assistant", content: null, tool_calls: calls.map(({ name, arguments: given }, index) => ({ id: `call_${index}`, type: "function", function: { name, arguments: typeof given === "string" ? given : JSON.stringify(given) } })) },
    }],
    usage: more.usage === undefined ? { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } : more.usage,
  };
}
