// The model of the benchmark, a server of its own: it pays what the story asks for, and less where it is told to be strict. Prints its port.
interface ChatRequest { readonly messages: readonly { readonly content: unknown }[] }

const server = Bun.serve({
  hostname: "127.0.0.1", port: 0,
  async fetch(request) {
    const { messages } = await request.json() as ChatRequest;
    const wanted = Number(/pay (\d+)/.exec(JSON.stringify(messages[1]))?.[1] ?? 0);
    const amount = String(messages[0]!.content).includes("Be strict") ? Math.min(wanted, 30) : wanted;
    const call = { id: "c", type: "function", function: { name: "answer", arguments: JSON.stringify({ action: "REFUND", amount, reason: "a first mistake of ours" }) } };
    return Response.json({ id: "c", object: "chat.completion", created: 1, model: "bench", choices: [{ index: 0, finish_reason: "tool_calls", message: { role: "assistant", content: null, tool_calls: [call] } }], usage: { prompt_tokens: 400, completion_tokens: 20, total_tokens: 420 } });
  },
});
console.log(server.port);
