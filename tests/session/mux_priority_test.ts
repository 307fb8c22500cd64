/**
 * mux(): which of its frames are urgent to the channel.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  type Channel,
  type ChannelTransport,
  lastPriority,
  memory,
  mux,
} from "../../mod.ts";

/** Remembers the kind of each frame that is sent, and with which priority. */
function noting(noted: [number, number | undefined][], bare: ChannelTransport): ChannelTransport {
  const note = (channel: Channel): Channel => {
    const send = channel.send.bind(channel);
    channel.send = (message, priority) => {
      noted.push([(message as Uint8Array)[0] & 15, priority]);
      return send(message, priority);
    };
    return channel;
  };
  return {
    dial: async (how) => note(await bare.dial(how)),
    listen: (accept) => bare.listen(accept),
  };
}

Deno.test("mux() sends calls by their own priority, what keeps the connection going first, and GOAWAY last", async () => {
  const noted: [number, number | undefined][] = [];
  const bare = memory();
  const listener = await chain(bare, mux()).listen(() => new Promise<Uint8Array>(() => {}));
  const session = await chain(noting(noted, bare), mux()).dial();
  const nothing = new Uint8Array(1);
  const stop = new AbortController();
  const calls = [
    session.call(nothing),
    session.call(nothing, callContext({ priority: 6 })),
    session.call(nothing, callContext({ priority: 1, timeoutMs: 10_000 })),
    session.call(nothing, callContext({ priority: 2, signal: stop.signal })),
  ];
  void session.send(nothing, background);
  void session.send(nothing, callContext({ priority: 5 }));
  void session.send(nothing, callContext({ priority: 4, timeoutMs: 1000 }));
  const ended = Promise.allSettled(calls);
  stop.abort();
  await session.ping();
  await session.close({ graceMs: 0 });
  await ended;
  const hello: [number, number] = [0, 0];
  const own: [number, number][] = [[1, 3], [1, 6], [1, 1], [1, 2], [2, 3], [2, 5], [2, 4], [5, 0], [6, 0], [
    8,
    lastPriority,
  ]];
  assert.deepEqual(noted, [hello, ...own]);
  await listener.shutdown({ graceMs: 0 });
});
