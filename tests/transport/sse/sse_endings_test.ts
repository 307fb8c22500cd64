/**
 * What a server of sse() does at the end of a channel whose client comes back
 * for it, of one on whom nobody decides, and of a listener that is closed
 * again and again.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, mountedSse } from "../../../mod.ts";
import { until } from "../../support/channels.ts";
import { forms, frame, frames, opened, statusOf } from "./_sse_by_hand.ts";

for (const form of forms) {
  Deno.test(`${form.name} opens no stream for a channel that ends by being resumed`, async () => {
    const server = await form.start({ heartbeatMs: Infinity });
    const hand = await opened(server);
    const [channel] = server.channels;
    const closing = channel.close();
    assert.ok(await hand.until(() => hand.events.some(({ id }) => id === "1")));
    assert.equal(await statusOf(hand.post(1, frames(frame("e")))), 204);
    await hand.leave();
    assert.equal(server.ends.length, 0);
    // The client has heard all, and says so.
    assert.equal(await statusOf(hand.resume(1)), 204);
    await until(() => server.ends.length === 1, "the end of the channel");
    assert.deepEqual(server.ends, [undefined]);
    await closing;
    await server.end();
  });
}

Deno.test("mountedSse() forgets a listener that was closed twice", async () => {
  const live = mountedSse();
  const listener = await live.listen(() => {});
  await listener.close();
  await listener.close();
  const headers = { "wireway-channel": "A".repeat(24) };
  const response = await live.fetch(new Request("http://shop.example/live", { headers }));
  // What an earlier listener would answer is another text.
  assert.equal(await response.text(), "Request refused: nobody listens\n");
});

Deno.test("mountedSse() gives up a client on whom nobody decides in time, and its place", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const live = mountedSse({
    clock,
    maxChannels: 1,
    connectTimeoutMs: 100,
    authenticate: () => ++asked === 1 ? new Promise<boolean>(() => {}) : Promise.resolve(false),
  });
  const listener = await live.listen(() => {});
  const ask = (): Promise<Response> => live.fetch(new Request("http://shop.example/live"));
  const first = ask();
  await until(() => asked === 1, "the question");
  assert.equal((await ask()).status, 503);
  await clock.advance(100);
  assert.match(await (await first).text(), /not let in after 100 ms/);
  assert.equal((await ask()).status, 401);
  await listener.close();
  assert.equal(clock.pending, 0);
});
