/**
 * The platform's own WebSocket: an echo server by `Deno.upgradeWebSocket`, and
 * the native client with one message at a time.
 *
 * @module
 */

import { type Flags, runProgram } from "../floor/command.ts";
import { pingPong } from "../floor/websocket_latency.ts";

await runProgram({
  server() {
    let open = 0;
    const report = (): string => JSON.stringify({ rss: Deno.memoryUsage().rss, open });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1024, onListen() {} }, (request) => {
      // Without a timer for each connection, as cheap as it can be.
      const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
      socket.binaryType = "arraybuffer";
      open++;
      socket.onmessage = ({ data }) => socket.send(typeof data === "string" ? report() : data);
      socket.onclose = () => open--;
      return response;
    });
    return server.addr.port;
  },

  async client(flags: Flags) {
    const socket = new WebSocket(`ws://127.0.0.1:${flags.number("port", 0)}/`);
    socket.binaryType = "arraybuffer";
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const message = new Uint8Array(flags.number("bytes", 4096)).fill(120);
    let answered = (): void => {};
    socket.onmessage = () => answered();
    const figures = await pingPong(() => {
      return new Promise((resolve) => {
        answered = resolve;
        socket.send(message);
      });
    }, flags);
    socket.close();
    return figures;
  },
});
