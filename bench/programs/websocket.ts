/**
 * WebSocket through the framework: an echo server, and a client that sends one
 * message at a time.
 *
 * @module
 */

import { type Channel, type Message, type Receiver, websocket } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { pingPong } from "../floor/websocket_latency.ts";

const settled = Promise.resolve();

/** Sends back what comes, and what this server weighs for a text. As small as it can be: there are thousands of them. */
class Echo implements Receiver {
  readonly borrows: boolean;
  readonly #channel: Channel;

  constructor(channel: Channel, borrows: boolean) {
    this.#channel = channel;
    this.borrows = borrows;
  }

  message(message: Message): void | Promise<void> {
    return this.#channel.send(typeof message === "string" ? report() : message);
  }

  end(): void {
    void this.#channel.close();
  }

  closed(): void {}
}

let report = (): string => "";

await runProgram({
  async server(flags: Flags) {
    const borrows = flags.has("reuse");
    const listener = await websocket({ port: 0, backlog: 1024 }).listen((channel) => {
      channel.receive(new Echo(channel, borrows));
    });
    report = () => JSON.stringify({ rss: Deno.memoryUsage().rss, open: listener.counters.connectionsOpen });
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
