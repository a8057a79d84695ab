// The model of the benchmark: it stages one effect, then answers, at once. As a server of its own, or, preloaded with BENCH_IN_PROCESS=1, in the
// place of `fetch` within the server that is measured.
interface ChatRequest { readonly messages: readonly { readonly role: string }[] }

export const MODEL_PORT = 9132;
const CALLS = {
  first: { name: "Credit_create", arguments: '{"amount":5}' },
  second: { name: "answer", arguments: '{"action":"REFUND","amount":5,"reason":"a first mistake of ours"}' },
} as const;

const answerWith = ({ name, arguments: text }: (typeof CALLS)[keyof typeof CALLS]): string => JSON.stringify({
  id: "c", object: "chat.completion", created: 1, model: "bench",
  choices: [{ index: 0, finish_reason: "tool_calls", message: { role: "assistant", content: null, tool_calls: [{ id: "call_0", type: "function", function: { name, arguments: text } }] } }],
  usage: { prompt_tokens: 400, completion_tokens: 20, total_tokens: 420 },
});
const [first, second] = [answerWith(CALLS.first), answerWith(CALLS.second)];

export function answerTo(body: string): Response {
  const isFirst = !(JSON.parse(body) as ChatRequest).messages.some(({ role }) => role === "tool");
  return new Response(isFirst ? first : second, { headers: { "content-type": "application/json" } });
}

if (process.env["BENCH_IN_PROCESS"] === "1") {
  const real = globalThis.fetch;
  const isModel = (target: unknown): boolean => String(target instanceof Request ? target.url : target).includes(`:${MODEL_PORT}/`);
  globalThis.fetch = Object.assign(async (target: string | URL | globalThis.Request, init?: RequestInit) => (isModel(target) ? answerTo(String(init?.body)) : real(target, init)), { preconnect: real.preconnect });
}
if (import.meta.main) Bun.serve({ hostname: "127.0.0.1", port: MODEL_PORT, fetch: async (request) => answerTo(await request.text()) });
