// The floor of the chat in bench/fanout: Bun's own publish, by room.
const floor = Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("ok")),
  websocket: {
    perMessageDeflate: false,
    message(socket, data) {
      const frame = JSON.parse(String(data)) as { readonly enter?: string; readonly room?: string; readonly text?: string; readonly sentMs?: number };
      if (frame.enter !== undefined) socket.subscribe(frame.enter);
      else floor.publish(frame.room!, JSON.stringify({ op: "message", messages: [frame] }));
    },
  },
});
