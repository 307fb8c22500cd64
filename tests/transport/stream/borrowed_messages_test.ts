/**
 * Receivers that borrow: their channel reads into the same memory again and
 * again, and that of others never does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ChannelTransport, tcp, websocket } from "../../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes } from "../../support/channels.ts";

const transports: [string, (port: number) => ChannelTransport][] = [
  ["tcp()", (port) => tcp({ port })],
  ["websocket()", (port) => websocket({ port })],
];

const count = 3000;

/** Sends messages to a receiver, and gives the pieces of memory that they came in, and the first one as it is at the end. */
async function memoryOf(
  transportAt: (port: number) => ChannelTransport,
  borrows: boolean,
): Promise<[number, Uint8Array]> {
  let port = 0;
  const pair = await join({
    listen: async (accept) => {
      const listener = await transportAt(0).listen(accept);
      port = listener.addr.port!;
      return listener;
    },
    dial: () => transportAt(port).dial(),
  });
  const memory = new Set<ArrayBufferLike>();
  const near = new Recorder();
  const far = Object.assign(
    new Recorder((message) => {
      if (typeof message !== "string") memory.add(message.buffer);
      return pair.far.send(new Uint8Array(0));
    }),
    { borrows },
  );
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < count; i++) {
    await pair.near.send(numbered(i, 1000));
    // One after the other, so that each comes alone.
    await near.count(i + 1);
  }
  await part(pair, near, far);
  return [memory.size, bytesOf(far.messages[0])];
}

for (const [name, make] of transports) {
  Deno.test(`${name} reads into the same memory for a receiver that borrows`, async () => {
    const [pieces, first] = await memoryOf(make, true);
    assert.ok(pieces < 10, `${pieces} pieces of memory`);
    assert.throws(() => sameBytes(first, numbered(0, 1000), "the first message"), "it has been overwritten since");
  });

  Deno.test(`${name} reads into new memory for a receiver that may keep what it gets`, async () => {
    const [pieces, first] = await memoryOf(make, false);
    assert.ok(pieces >= count / 112, `${pieces} pieces of memory`);
    sameBytes(first, numbered(0, 1000), "the first message");
  });
}
