/**
 * WebSocket through the framework: an echo server, and a client that sends one
 * message at a time.
 *
 * @module
 */

import { websocket } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { pingPong } from "../floor/websocket_latency.ts";

const settled = Promise.resolve();

await runProgram({
  async server() {
    const listener = await websocket({ port: 0, backlog: 1024 }).listen((channel) => {
      channel.receive({
        message: (message) => channel.send(typeof message === "string" ? report() : message),
        end: () => void channel.close(),
        closed: () => {},
      });
    });
    const report = (): string =>
      JSON.stringify({ rss: Deno.memoryUsage().rss, open: listener.counters.connectionsOpen });
    return listener.addr.port!;
  },

  async client(flags: Flags) {
    const channel = await websocket({ port: flags.number("port", 0) }).dial();
    const message = new Uint8Array(flags.number("bytes", 4096)).fill(120);
    let answered = (): void => {};
    channel.receive({
      message: () => answered(),
      end: () => void channel.close(),
      closed: () => {},
    });
    const figures = await pingPong(() => {
      const answer = new Promise<void>((resolve) => answered = resolve);
      return (channel.send(message) ?? settled).then(() => answer);
    }, flags);
    await channel.close();
    return figures;
  },
});
