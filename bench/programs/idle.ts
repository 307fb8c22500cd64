/**
 * Idle sessions through the framework: mux() over tcp(), after the hello.
 *
 * @module
 */

import { chain, mux, serve, type Session, tcp } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";

/** What the server says about itself. */
interface Report {
  rss: number;
  open: number;
}

const warmUp = 200;
const dialling = 64;
const settleMs = 500;

await runProgram({
  async server() {
    const server = await serve(chain(tcp({ port: 0, backlog: 1024 }), mux()), () => {
      const report: Report = { rss: Deno.memoryUsage().rss, open: server.channels.connectionsOpen! };
      return new TextEncoder().encode(JSON.stringify(report));
    });
    return server.addr.port!;
  },

  async client(flags: Flags) {
    const connections = flags.number("connections", 10_000);
    const transport = chain(tcp({ port: flags.number("port", 0) }), mux());
    const kept: Session<Uint8Array, Uint8Array>[] = [];
    const openMany = async (count: number): Promise<void> => {
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) kept.push(await transport.dial());
      };
      await Promise.all(Array.from({ length: dialling }, worker));
    };
    const control = await transport.dial();
    const ask = async (): Promise<Report> => {
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      return JSON.parse(new TextDecoder().decode(await control.call(new Uint8Array(0))));
    };
    // The first connections pay for compiled code and tables, not for themselves.
    await openMany(warmUp);
    const before = await ask();
    const started = performance.now();
    await openMany(connections);
    const seconds = (performance.now() - started) / 1000;
    const after = await ask();
    if (after.open - before.open !== connections) {
      throw new Error(`Server holds ${after.open - before.open} connections`);
    }
    return {
      connections,
      rssBefore: before.rss,
      rssAfter: after.rss,
      bytesPerConnection: (after.rss - before.rss) / connections,
      connectionsPerSecond: connections / seconds,
    };
  },
});
