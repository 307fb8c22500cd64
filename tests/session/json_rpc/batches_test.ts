/**
 * jsonRpc(): batches that are sent and answered, within their limits; cancels
 * and deadlines on the wire.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, jsonRpc, memory, type MethodCall, Streamed, TransportError } from "../../../mod.ts";
import { failure, settle, Watched } from "../../support/calls.ts";
import { examples, rawPeer } from "./_raw.ts";

Deno.test("jsonRpc() sends the calls of a turn as batches of so many, and takes their replies in any order", async () => {
  const peer = await rawPeer(undefined, { maxBatchCalls: 3, extensions: false });
  const calls = [1, 2, 3, 4].map((n) => peer.session.call({ method: "m", params: [n] }));
  void peer.session.send({ method: "note" });
  const request = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"m","params":[${id}]}`;
  assert.deepEqual(await peer.heard(), [
    `[${request(1)},${request(2)},${request(3)}]`,
    `[${request(4)},{"jsonrpc":"2.0","method":"note"}]`,
  ]);
  await peer.say('[{"jsonrpc":"2.0","id":3,"result":"c"},{"jsonrpc":"2.0","id":1,"result":"a"}]');
  await peer.say('[{"jsonrpc":"2.0","id":2,"result":"b"}]');
  await peer.say('{"jsonrpc":"2.0","id":4,"result":"d"}');
  assert.deepEqual(await Promise.all(calls), ["a", "b", "c", "d"]);
  const alone = peer.session.call({ method: "m", params: [5] });
  assert.deepEqual(await peer.heard(), [request(5)]);
  await peer.say('{"jsonrpc":"2.0","id":5,"result":"e"}');
  assert.equal(await alone, "e");
  await peer.end();
});

Deno.test("jsonRpc() lets a batch linger for as long as it is told to", async () => {
  const peer = await rawPeer(undefined, { maxBatchCalls: 10, batchLingerMs: 5, extensions: false });
  void peer.session.send({ method: "a" });
  assert.deepEqual(await peer.heard(), []);
  await peer.clock.advance(4);
  void peer.session.send({ method: "b" });
  assert.deepEqual(await peer.heard(), []);
  await peer.clock.advance(1);
  assert.deepEqual(await peer.heard(), ['[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]']);
  await peer.end();
});

Deno.test("jsonRpc() keeps a batch that it answers within the limit of a message", async () => {
  const peer = await rawPeer(() => "x".repeat(400), { maxMessageBytes: 1000 });
  const [text] = await peer.say(`[${[1, 2, 3].map((id) => `{"jsonrpc":"2.0","method":"m","id":${id}}`).join()}]`);
  assert.ok(text.length <= 1000);
  const replies = JSON.parse(text);
  assert.equal(replies.length, 3);
  assert.ok(
    replies.some(({ error }: { error?: { data: { code: string } } }) => error?.data.code === "message-too-large"),
  );
  await peer.end();
});

Deno.test("jsonRpc() runs no more calls at once than it is told to, in a batch as well", async () => {
  const gate = Promise.withResolvers<string>();
  const peer = await rawPeer(() => gate.promise, { maxInFlight: 2 });
  const batch = [1, 2, 3].map((id) => `{"jsonrpc":"2.0","method":"m","id":${id}}`);
  assert.deepEqual(await peer.say(`[${batch}]`), [], "a batch is answered when all of it is");
  const [refusal] = await peer.say(batch[2]);
  assert.equal(JSON.parse(refusal).error.data.code, "too-many-calls");
  gate.resolve("done");
  const replies = JSON.parse((await peer.heard())[0]) as { id: number; error?: unknown }[];
  assert.deepEqual(replies.map(({ id, error }) => [id, error === undefined]).sort(), [[1, true], [2, true], [
    3,
    false,
  ]]);
  await peer.end();
});

Deno.test("jsonRpc() tells of a call that is given up with $/cancelRequest, and ends one that the peer gives up", async () => {
  let aborted = 0;
  const peer = await rawPeer((_, context) => {
    context.signal.addEventListener("abort", () => aborted++);
    return new Promise(() => {});
  });
  const controller = new AbortController();
  const call = failure(peer.session.call({ method: "m" }, callContext({ signal: controller.signal })), "cancelled");
  await peer.heard();
  controller.abort();
  await call;
  assert.deepEqual(await peer.heard(), ['{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}']);
  assert.equal(peer.session.load, 0);
  for (const id of ['"a"', "1.5", "12345678901234567890", "7"]) {
    await peer.say(`{"jsonrpc":"2.0","method":"forever","id":${id}}`);
    const [reply] = await peer.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":${id}}}`);
    assert.ok(reply.startsWith(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32800`), reply);
  }
  assert.equal(aborted, 4);
  for (const params of ['{"id":99}', "{}", "[]", '{"id":{}}']) {
    assert.deepEqual(await peer.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":${params}}`), []);
  }
  await peer.end();
});

Deno.test("jsonRpc() carries deadlines, priorities and metadata in the member wireway, and refuses one out of range", async () => {
  const seen: unknown[] = [];
  const peer = await rawPeer((_, context) => {
    seen.push([context.timeLeftMs(peer.clock), context.priority, { ...context.metadata }]);
    return null;
  });
  const context = callContext({ deadline: 250, priority: 1, metadata: { tenant: "acme" } });
  void peer.session.call({ method: "m" }, context).catch(() => {});
  assert.deepEqual(await peer.heard(), [
    '{"jsonrpc":"2.0","id":1,"method":"m","wireway":{"timeLeftMs":250,"priority":1,"metadata":{"tenant":"acme"}}}',
  ]);
  const say = (member: string): Promise<string[]> =>
    peer.say(`{"jsonrpc":"2.0","id":1,"method":"m","wireway":${member}}`);
  await say('{"timeLeftMs":100,"priority":0,"metadata":{"a":"b"}}');
  await say('"not ours"');
  assert.deepEqual(seen, [[100, 0, { a: "b" }], [Infinity, 3, {}]]);
  for (
    const member of [
      '{"timeLeftMs":-1}',
      '{"timeLeftMs":"1"}',
      '{"priority":8}',
      '{"metadata":{"A":"b"}}',
      '{"metadata":[]}',
    ]
  ) {
    assert.equal(JSON.parse((await say(member))[0]).error.code, -32602, member);
  }
  assert.equal(JSON.parse((await say('{"timeLeftMs":0}'))[0]).error.data.code, "deadline-exceeded");
  assert.equal(seen.length, 2);
  await peer.end();
});

Deno.test("jsonRpc() without extensions sends and reads none of it", async () => {
  const peer = await rawPeer(examples, { extensions: false, cancel: false });
  const controller = new AbortController();
  const context = callContext({ deadline: 250, metadata: { tenant: "acme" }, signal: controller.signal });
  const call = failure(peer.session.call({ method: "m", params: 5 }, context), "cancelled");
  assert.deepEqual(await peer.heard(), ['{"jsonrpc":"2.0","id":1,"method":"m","params":[5]}']);
  controller.abort();
  await call;
  assert.deepEqual(await peer.heard(), []);
  const [reply] = await peer.say('{"jsonrpc":"2.0","id":1,"method":"get_data","wireway":{"timeLeftMs":0}}');
  assert.equal(reply, '{"jsonrpc":"2.0","id":1,"result":["hello",5]}');
  const closing = peer.session.close();
  await settle();
  assert.deepEqual(await peer.heard(), []);
  await Promise.all([peer.end(), closing]);
});

Deno.test("jsonRpc() takes any answer to its ping for a sign of life, and answers those of the peer", async () => {
  const peer = await rawPeer(undefined, { extensions: false });
  for (const answer of ['"result":null', '"error":{"code":-32601,"message":"Method not found"}']) {
    const ping = peer.session.ping();
    const { id, method } = JSON.parse((await peer.heard())[0]);
    assert.equal(method, "$/ping");
    await peer.clock.advance(7);
    await peer.say(`{"jsonrpc":"2.0","id":${id},${answer}}`);
    assert.equal(await ping, 7);
  }
  const late = failure(peer.session.ping(), "deadline-exceeded");
  await peer.heard();
  await peer.clock.advance(10_000);
  await late;
  await peer.heard();
  assert.deepEqual(await peer.say('{"jsonrpc":"2.0","id":"p","method":"$/ping"}'), [
    '{"jsonrpc":"2.0","id":"p","result":null}',
  ]);
  await peer.end();
});

Deno.test("a peer that goes away fails its calls with the reason", async () => {
  const peer = await rawPeer(undefined);
  const call = failure(peer.session.call({ method: "m" }), "connection-lost", "maybe");
  await peer.heard();
  peer.session.abort(new TransportError("protocol", "Test: nonsense"));
  assert.match((await call).message, /Test: nonsense/);
  await peer.end();
});

Deno.test("a batch that can't be sent fails all of its calls, the one that filled it and its stream too", async () => {
  const transport = memory();
  const stuck = { message: () => new Promise<void>(() => {}), end(): void {}, closed(): void {} };
  const listener = await transport.listen((channel) => channel.receive(stuck));
  const session = await chain(transport, jsonRpc({ maxBatchCalls: 2, maxQueuedChars: 4096 })).dial();
  const params = ["x".repeat(1000)];
  const calls: Watched<unknown>[] = [];
  while (!calls.some(({ settled }) => settled === 1)) {
    for (let i = 0; i < 2; i++) calls.push(new Watched(session.call({ method: "m", params })));
    await settle();
  }
  assert.deepEqual(calls.slice(-2).map(({ code }) => code), ["overloaded", "overloaded"]);
  assert.equal(session.load, calls.length - 2);
  let left = 0;
  const items = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false as const, value: 1 }),
      return: () => Promise.resolve({ done: true as const, value: void left++ }),
    }),
  };
  const streamed = (): Streamed<MethodCall, unknown> =>
    new Streamed<MethodCall, unknown>({ method: "m", params }, items);
  await Promise.all([1, 2].map(() => failure(session.call(streamed()), "overloaded", "no")));
  assert.equal(session.load, calls.length - 2);
  session.abort(new TransportError("cancelled", "Test: over"));
  await settle();
  assert.equal(left, 1, "the stream of the call that filled the batch was not begun");
  await listener.close();
});
