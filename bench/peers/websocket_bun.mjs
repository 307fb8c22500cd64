/**
 * Bun's own WebSocket server as an echo.
 *
 * @module
 */

/* global Bun */
let open = 0;
const report = () => JSON.stringify({ rss: process.memoryUsage().rss, open });
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => self.upgrade(request) ? undefined : new Response("no", { status: 400 }),
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    open: () => void open++,
    close: () => void open--,
    message: (socket, message) => void socket.send(typeof message === "string" ? report() : message),
  },
});
console.log(JSON.stringify({ port: server.port }));
process.stdin.resume().on("end", () => process.exit(0));
