// Peer: pg-boss on PostgreSQL, in one Node process that sends and works. POST /load?count=N, GET /done.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [port, peers, socket] = process.argv.slice(2);
const require = createRequire(join(peers, "package.json"));
const PgBoss = require("pg-boss");
const boss = new PgBoss({ host: socket, user: "postgres", database: "postgres", max: 16 });
await boss.start();
await boss.createQueue("work");

const CALLERS = 64;
const WORKERS = 4;
let done = 0;
for (let worker = 0; worker < WORKERS; worker++) {
  // As many at once as Ambit's limit allows by default, looked for as often as it may.
  await boss.work("work", { batchSize: 500, pollingIntervalSeconds: 0.5 }, async (jobs) => { done += jobs.length; });
}
createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/load") {
    const count = Number(url.searchParams.get("count"));
    let next = 0;
    await Promise.all(Array.from({ length: CALLERS }, async () => { while (next < count) await boss.send("work", { number: next++ }); }));
    response.end(String(count));
  } else response.end(String(done));
}).listen(Number(port), "127.0.0.1");
