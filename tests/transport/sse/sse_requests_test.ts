/**
 * What a server of sse() answers to each request, right and wrong; a wrong one
 * costs nobody anything.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { until } from "../../support/channels.ts";
import { forms, frame, frames, Hand, opened, statusOf } from "./_sse_by_hand.ts";

for (const form of forms) {
  const test = (behaviour: string, run: () => Promise<void>): void => Deno.test(`${form.name} ${behaviour}`, run);

  test("answers with the fields that proxies need, and tells the terms", async () => {
    const server = await form.start({ heartbeatMs: Infinity });
    const hand = new Hand(server);
    const { headers } = await hand.open();
    assert.equal(headers.get("content-type"), "text/event-stream");
    assert.equal(headers.get("cache-control"), "no-store, no-transform");
    assert.equal(headers.get("x-accel-buffering"), "no");
    const terms = JSON.parse(hand.events[0].data);
    assert.match(terms.channel, /^[A-Za-z0-9_-]{24}$/);
    assert.equal(terms.heartbeatMs, null);
    assert.equal(terms.maxMessageBytes, 16 * 1024 * 1024);
    const other = await opened(server);
    assert.notEqual(other.id, hand.id);
    for (const one of [hand, other]) await one.leave();
    await server.end();
  });

  test("carries texts and bytes both ways as sse.md says", async () => {
    const server = await form.start();
    const hand = await opened(server);
    const body = frames(frame("t", "grüß\r\n dich"), frame("b", new Uint8Array([0, 255])), frame("t"));
    assert.equal(await statusOf(hand.post(1, body)), 204);
    assert.deepEqual(server.messages, ["grüß\r\n dich", new Uint8Array([0, 255]), ""]);
    const [channel] = server.channels;
    void channel.send(" two\nlines ");
    void channel.send("a\rb");
    void channel.send(new Uint8Array([1, 2, 3]));
    void channel.send("\n".repeat(1000));
    assert.ok(await hand.until(() => hand.events.length === 5));
    assert.deepEqual(hand.events.slice(1, 4), [
      { event: "message", data: " two\nlines ", id: "1" },
      { event: "text", data: btoa("a\rb"), id: "2" },
      { event: "bytes", data: "AQID", id: "3" },
    ]);
    assert.deepEqual(hand.events[4], { event: "text", data: btoa("\n".repeat(1000)), id: "4" });
    await hand.leave();
    await server.end();
  });

  test("takes a POST that is sent again once, whole or in part, and refuses one that comes too early", async () => {
    const server = await form.start();
    const hand = await opened(server);
    const two = frames(frame("t", "one"), frame("t", "two"));
    for (let i = 0; i < 3; i++) assert.equal(await statusOf(hand.post(1, two)), 204);
    assert.equal(await statusOf(hand.post(2, frames(frame("t", "two"), frame("t", "three")))), 204);
    assert.equal(await statusOf(hand.post(5, frame("t", "five") as Uint8Array<ArrayBuffer>)), 409);
    assert.equal(await statusOf(hand.post(Number.MAX_SAFE_INTEGER, two)), 400);
    assert.equal(await statusOf(hand.post(4)), 204, "all before it has arrived");
    assert.equal(await statusOf(hand.post(5)), 409);
    assert.deepEqual(server.messages, ["one", "two", "three"]);
    await hand.leave();
    await server.end();
  });

  test("refuses what is wrong with the status that says so, and goes on with the next", async () => {
    const server = await form.start({ maxMessageBytes: 1000, maxPostBytes: 2000 });
    const hand = await opened(server);
    const one = frames(frame("t", "x"));
    const wrong: [number, () => Promise<Response>][] = [
      [400, () => hand.post("0", one)],
      [400, () => hand.post("-1", one)],
      [400, () => hand.post("1.5", one)],
      [400, () => hand.post("1e3", one)],
      [400, () => hand.post("01", one)],
      [400, () => hand.post(undefined, one)],
      [400, () => hand.post(1, one, { "wireway-ack": "x" })],
      [409, () => hand.post(1, one, { "wireway-ack": "1" })],
      [409, () => hand.post(undefined, undefined, { "wireway-ack": "999999999999999" })],
      [415, () => hand.post(1, one, { "content-type": "text/plain" })],
      [400, () => hand.post(1, one, { "wireway-channel": "" })],
      [400, () => hand.post(1, one, { "wireway-channel": "no id" })],
      [404, () => hand.post(1, one, { "wireway-channel": "A".repeat(24) })],
      [413, () => hand.post(1, new Uint8Array(2001))],
      [413, () => hand.post(1, frames(frame("b", new Uint8Array(1001))))],
      [400, () => hand.post(1, frames(frame("t", new Uint8Array([0xc3]))))],
      [400, () => hand.post(1, frames(frame("t", "x", 2)))],
      [400, () => hand.post(1, frames(frame("e", "x")))],
      [400, () => hand.post(1, frames(frame("e"), frame("t")))],
      [400, () => hand.post(1, frames(one, new Uint8Array([116, 0])))],
      [400, () => hand.post(1, frames(new Uint8Array([0, 0, 0, 0, 0])))],
      [405, () => server.fetch({ method: "PUT", body: "x" })],
      [400, () => server.fetch({ method: "DELETE" })],
      [404, () => server.fetch({ method: "DELETE", headers: { "wireway-channel": "A".repeat(24) } })],
      [400, () => server.fetch({ headers: { "wireway-version": "2" } })],
      [404, () => server.fetch({ headers: { "wireway-channel": "A".repeat(24), "last-event-id": "0" } })],
      [400, () => server.fetch({ headers: { "wireway-channel": hand.id, "last-event-id": "x" } })],
      [410, () => server.fetch({ headers: { "wireway-channel": hand.id, "last-event-id": "1" } })],
    ];
    for (const [index, [status, answer]] of wrong.entries()) assert.equal(await statusOf(answer()), status, `${index}`);
    assert.deepEqual(server.messages, []);
    assert.equal(await statusOf(hand.post(1, one)), 204);
    void server.channels[0].send("still here");
    await hand.until(() => hand.data.length === 1);
    assert.deepEqual([server.messages, hand.data], [["x"], ["still here"]]);
    assert.equal(server.channels.length, 1);
    await hand.leave();
    await server.end();
  });

  test("refuses a page of another origin, answers the preflight of one that is listed", async () => {
    const server = await form.start({ origins: ["https://shop.example"] });
    const from = (origin: string, method = "GET") =>
      server.fetch({ method, headers: { origin, "wireway-version": "1" } });
    assert.equal(await statusOf(from("https://evil.example")), 403);
    assert.equal(await statusOf(from("null")), 403);
    assert.equal(await statusOf(from("https://evil.example", "OPTIONS")), 403);
    assert.equal(server.channels.length, 0);
    const preflight = await from("https://shop.example", "OPTIONS");
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.equal(preflight.headers.get("access-control-allow-credentials"), "true");
    assert.match(preflight.headers.get("access-control-allow-headers")!, /wireway-channel.*last-event-id/);
    const hand = await opened(server, { origin: "https://shop.example", "wireway-version": "1" });
    assert.equal(server.channels.length, 1);
    assert.equal(await statusOf(hand.post(1, frames(frame("t")), { origin: "https://evil.example" })), 403);
    assert.deepEqual(server.messages, []);
    await hand.leave();
    await server.end();
  });

  test("lets in whom authenticate() lets in, to a stream that is resumed as well", async () => {
    let allowed = true;
    const targets: string[] = [];
    const server = await form.start({
      authenticate: ({ headers, target }) => {
        targets.push(target);
        return Promise.resolve(allowed && headers.get("authorization") === "Bearer 7");
      },
    });
    assert.equal(await statusOf(server.fetch({ headers: { "wireway-version": "1" } })), 401);
    const hand = await opened(server, { "wireway-version": "1", authorization: "Bearer 7" });
    allowed = false;
    assert.equal(await statusOf(hand.resume(0)), 401);
    assert.deepEqual(targets, ["/live", "/live", "/live"]);
    assert.equal(server.listener.counters.connectionsRefused, 2);
    await hand.leave();
    await server.end();
  });

  test("counts who is being decided on among its channels", async () => {
    const [asked, decision] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    const authenticate = (): Promise<boolean> => {
      asked.resolve();
      return decision.promise;
    };
    const server = await form.start({ maxChannels: 1, authenticate });
    const hand = new Hand(server);
    const opening = hand.open();
    await asked.promise;
    const other = await server.fetch({ headers: { "wireway-version": "1" } });
    assert.deepEqual([other.status, other.headers.get("retry-after")], [503, "1"]);
    assert.match(await other.text(), /1 channels are open, 1 are allowed/);
    decision.resolve(true);
    assert.equal((await opening).status, 200);
    assert.equal(await statusOf(server.fetch({ headers: { "wireway-version": "1" } })), 503);
    await hand.leave();
    await server.end();
  });

  test("resumes behind the event that was seen last, and says where that can't be", async () => {
    const server = await form.start();
    const hand = await opened(server);
    const [channel] = server.channels;
    for (let i = 1; i <= 5; i++) void channel.send(`message ${i}`);
    await hand.until(() => hand.data.length === 5);
    assert.equal(await statusOf(hand.post(undefined, undefined, { "wireway-ack": "2" })), 204);
    await hand.leave();
    const again = new Hand(server);
    again.id = hand.id;
    await again.resume(3);
    await again.until(() => again.data.length === 2);
    assert.deepEqual(again.data, ["message 4", "message 5"]);
    assert.equal(await statusOf(again.resume(2)), 410, "it is forgotten what was acknowledged");
    assert.equal(await statusOf(again.resume(6)), 410, "it was never sent");
    void channel.send("message 6");
    await again.until(() => again.data.length === 3);
    assert.equal(server.channels.length, 1);
    await again.leave();
    await server.end();
  });

  test("gives a stream to who came last", async () => {
    const server = await form.start();
    const first = await opened(server);
    const second = new Hand(server);
    second.id = first.id;
    await second.resume(0);
    assert.equal(await first.until(() => false), false, "the first stream ends");
    void server.channels[0].send("to the second");
    await second.until(() => second.data.length === 1);
    assert.deepEqual([first.data, second.data], [[], ["to the second"]]);
    await second.leave();
    await server.end();
  });

  test("gives an EventSource that knows nothing of it what is sent, and forgets it", async () => {
    const server = await form.start({ maxBufferedBytes: 1000, highWaterBytes: 500 });
    const hand = await opened(server, {});
    const [channel] = server.channels;
    for (let i = 0; i < 100; i++) {
      await channel.send(`${i}`.padStart(100));
      await hand.until(() => hand.data.length === i + 1);
    }
    assert.equal(channel.bufferedBytes, 0);
    await hand.leave();
    await until(() => server.ends.length === 1, "the end of the channel");
    assert.equal(server.ends[0]?.code, "connection-lost");
    await server.end();
  });
}
