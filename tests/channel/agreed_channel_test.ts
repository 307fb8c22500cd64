/**
 * What middleware for messages have in common: the hello, and messages that
 * look like their own.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, heartbeat, ManualClock, memory, mux, tcp, TransportError } from "../../mod.ts";
import { join, part, Recorder } from "../support/channels.ts";
import { hello, hex, raw } from "./_raw.ts";

const marker = 0xff;
const clock = new ManualClock();
const marked = () => raw((transport) => chain(transport, heartbeat({ clock })));

Deno.test("A peer without the middleware is told so, and which one", async () => {
  for (
    const first of ["hello", new Uint8Array(0), Uint8Array.of(0, 1, 2), Uint8Array.of(marker, 1, 0x77, 0x76, 1, 1)]
  ) {
    const { heard, peer } = await marked();
    await peer.send(first);
    const error = await heard.over();
    assert.equal(error?.code, "protocol");
    assert.equal(error?.processed, "no");
    assert.match(String(error?.message), /its first message is no hello of heartbeat\(\) but .+; both ends need/);
    assert.equal(heard.messages.length, 0);
  }
});

Deno.test("Both ends of a connection hear of it where one lacks the middleware", async () => {
  const bare = chain(tcp({ port: 0 }), mux());
  const listener = await bare.listen((request) => request);
  const { port } = listener.addr;
  await assert.rejects(chain(tcp({ port }), heartbeat({ clock }), mux()).dial(), (error) => {
    assert.ok(error instanceof TransportError);
    return ["protocol", "connection-lost"].includes(error.code);
  });
  await listener.shutdown();
});

Deno.test("A hello of another version is refused with both versions, one that is longer is taken", async () => {
  for (const [theirs, oldest, refused] of [[1, 1, false], [7, 1, false], [2, 2, true], [0, 0, true]] as const) {
    const { channel, heard, peer } = await marked();
    await peer.send(Uint8Array.of(marker, 1, 0x77, 0x77, theirs, oldest, 9, 9, 9));
    void peer.close();
    await heard.until(() => heard.closes + heard.ends > 0, "the end");
    if (refused) assert.equal(heard.error?.code, "version-mismatch");
    else await channel.close();
    assert.equal(heard.error === undefined, !refused);
    if (refused) {
      assert.match(String(heard.error?.message), new RegExp(`versions ${oldest} to ${theirs}, this end 1 to 1`));
    }
  }
});

Deno.test("A message that begins as the middleware's own arrives as it was sent, in one part or in two", async () => {
  const transport = chain(tcp({ port: 0 }), heartbeat({ clock }));
  const listener = await transport.listen((channel) => {
    channel.receive({ message: (m) => channel.send(m), end: () => void channel.close(), closed: () => {} });
  });
  const channel = await chain(tcp({ port: listener.addr.port! }), heartbeat({ clock })).dial();
  const heard = new Recorder();
  channel.receive(heard);
  const bodies = [[marker], [marker, 0], [marker, 1, 2], [marker, marker], [2, marker], []];
  for (const body of bodies) await channel.send(Uint8Array.from(body));
  for (const body of bodies) await channel.sendParts!(Uint8Array.of(marker, 3, 4), 2, Uint8Array.from(body));
  for (const body of bodies) await channel.sendParts!(Uint8Array.of(5), 0, Uint8Array.from(body));
  await heard.count(3 * bodies.length);
  const expected = [...bodies, ...bodies.map((body) => [marker, 3, ...body]), ...bodies];
  assert.deepEqual(heard.messages.map(hex), expected.map((body) => hex(Uint8Array.from(body))));
  await channel.close();
  await listener.close();
});

Deno.test("Text goes through as text where the channel below carries it", async () => {
  const pair = await join(chain(memory(), heartbeat({ clock }), heartbeat({ clock })));
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  await pair.near.send("ÿ is no marker in a text");
  await far.count(1);
  assert.deepEqual(far.messages, ["ÿ is no marker in a text"]);
  await part(pair, near, far);
});

Deno.test("A kind that nobody knows, a second hello, and data or a kind before the hello end the connection", async () => {
  const own = hello(marker);
  for (
    const messages of [
      [own, Uint8Array.of(marker, 200)],
      [own, Uint8Array.of(marker)],
      [own, own],
      [Uint8Array.of(marker, 0, 1)],
      [Uint8Array.of(marker, 2)],
      [Uint8Array.of(marker)],
    ]
  ) {
    const { heard, peer } = await marked();
    for (const message of messages) await peer.send(message);
    assert.equal((await heard.over())?.code, "protocol");
    assert.equal(heard.messages.length, 0);
  }
});

Deno.test("A peer that ends before its hello was lost", async () => {
  const { heard, peer } = await marked();
  void peer.close();
  const error = await heard.over();
  assert.equal(error?.code, "connection-lost");
  assert.match(String(error?.message), /before the hello of heartbeat\(\)/);
});

Deno.test("The hello is not counted among what a sender has buffered", async () => {
  const { channel } = await marked();
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
});
