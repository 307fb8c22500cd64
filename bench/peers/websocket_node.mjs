/**
 * npm's ws on Node: an echo server, and a client with one message at a time.
 * The package is named by `--package`, since there is nothing to find it by.
 *
 * @module
 */

const [role, ...words] = process.argv.slice(2);
const { WebSocket, WebSocketServer } = await import(word("package"));

if (role === "server") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 1024 });
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (message, isBinary) => socket.send(isBinary ? message : report()));
  });
  const report = () => JSON.stringify({ rss: process.memoryUsage().rss, open: server.clients.size });
  server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));
  process.stdin.resume().on("end", () => process.exit(0));
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${word("port")}/`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const message = Buffer.alloc(Number(word("bytes")), 120);
  let answered = () => {};
  socket.on("message", () => answered());
  const micros = [];
  let now = performance.now();
  const deadline = now + Number(word("seconds")) * 1000;
  while (now < deadline) {
    const before = now;
    await new Promise((resolve) => {
      answered = resolve;
      socket.send(message);
    });
    now = performance.now();
    micros.push((now - before) * 1000);
  }
  const sorted = Float64Array.from(micros).sort();
  const at = (share) => sorted[Math.floor(sorted.length * share)];
  console.log(JSON.stringify({ messages: sorted.length, p50: at(0.5), p99: at(0.99) }));
  process.exit(0);
}

function word(name) {
  return words[words.indexOf(`--${name}`) + 1];
}
