// Peer: BullMQ on Redis, in one Node process that adds and works. POST /load?count=N, GET /done.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [port, peers, redis] = process.argv.slice(2);
const require = createRequire(join(peers, "package.json"));
const { Queue, Worker } = require("bullmq");
const connection = { host: "127.0.0.1", port: Number(redis) };
const queue = new Queue("work", { connection, defaultJobOptions: { removeOnComplete: 1000 } });
let done = 0;
const worker = new Worker("work", async (job) => job.data.number, { connection, concurrency: 32 });
worker.on("completed", () => { done++; });
await worker.waitUntilReady();

const CALLERS = 64;
createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/load") {
    const count = Number(url.searchParams.get("count"));
    let next = 0;
    await Promise.all(Array.from({ length: CALLERS }, async () => { while (next < count) await queue.add("work", { number: next++ }); }));
    response.end(String(count));
  } else response.end(String(done));
}).listen(Number(port), "127.0.0.1");
