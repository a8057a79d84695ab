// Calls a server whose certificate is of hooks.example alone, by turns under two names that lead to it. For outbound-http.test.ts, which trusts it.
import { join } from "node:path";
import { createOutboundGuard } from "../../resources/outbound-guard.ts";
import { outboundCall } from "../outbound-http.ts";

const file = (name: string): ReturnType<typeof Bun.file> => Bun.file(join(import.meta.dir, name));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert: file("hooks-example.pem"), key: file("hooks-example-key.pem") }, fetch: () => new Response("ok") });
const guard = createOutboundGuard({ allowPrivate: ["127.0.0.1"], loopbackOnly: false, lookup: async () => ["127.0.0.1"] });
for (const name of ["hooks.example", "other.example", "hooks.example", "other.example"]) {
  const url = new URL(`https://${name}:${server.port}/`);
  const answered = await outboundCall(guard)({ url, method: "GET", headers: {}, body: null, answerBytes: 10 }, new AbortController().signal)
    .then(({ status }) => String(status), (error: { code?: unknown }) => String(error.code));
  process.stdout.write(`${name} ${answered}\n`);
}
await server.stop(true);
