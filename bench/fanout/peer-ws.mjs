// A peer of bench/fanout: the package ws on Node, which sends each client what came in one turn of the event loop, in one frame.
import { createRequire } from "node:module";
const [, , port, peers] = process.argv;
const { WebSocketServer } = createRequire(`${peers}/package.json`)("ws");
const server = new WebSocketServer({ port: Number(port), host: "127.0.0.1", perMessageDeflate: false });
let waiting = [];

server.on("connection", (socket) => {
  socket.on("message", (message) => {
    waiting.push(message.toString());
    if (waiting.length > 1) return;
    setImmediate(() => {
      const text = `{"op":"message","id":"s","messages":[${waiting.join(",")}]}`;
      waiting = [];
      for (const client of server.clients) client.send(text);
    });
  });
});
