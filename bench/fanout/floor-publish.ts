// The floor of bench/fanout: Bun's own publish of what a client sends, as it is, or all that came in one turn of the event loop joined.
const [port, joined] = [Number(process.argv[2]), process.argv[3] === "joined"];
let waiting: string[] = [];

const broadcaster = Bun.serve({
  port,
  hostname: "127.0.0.1",
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("ok")),
  websocket: {
    perMessageDeflate: false,
    open: (socket) => { socket.subscribe("board"); },
    message(_socket, message) {
      if (!joined) {
        broadcaster.publish("board", `{"op":"message","id":"s","messages":[${String(message)}]}`);
        return;
      }
      waiting.push(String(message));
      if (waiting.length > 1) return;
      setImmediate(() => {
        const messages = waiting;
        waiting = [];
        broadcaster.publish("board", `{"op":"message","id":"s","messages":[${messages.join(",")}]}`);
      });
    },
  },
});
