// Floor: Bun.serve that answers a constant JSON text of the size of one item.
import { item } from "./items.ts";

const text = JSON.stringify(item(1));
const server = Bun.serve({ port: Number(process.argv[2]), hostname: "127.0.0.1", fetch: () => new Response(text, { headers: { "content-type": "application/json" } }) });
console.log(`listening ${server.port}`);
