/**
 * Streams over jsonRpc(): credit, cancelling both ways, errors in the midst of
 * them, and their end with the call and the connection.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, type MethodCall, Streamed, TransportError } from "../../../mod.ts";
import { failure, settle } from "../../support/calls.ts";
import { rawPeer } from "./_raw.ts";
import { Numbers, type Reply, world } from "./_streams.ts";

Deno.test("a streamed reply comes item by item, and its call lasts until its end", async () => {
  const { session, server, end } = await world(() => new Streamed({ total: 100 }, new Numbers(100)));
  const reply = await session.call({ method: "count" }) as Reply;
  assert.deepEqual(reply.head, { total: 100 });
  assert.deepEqual([session.load, server.calls.inFlight], [1, 1]);
  const items = await Array.fromAsync(reply);
  assert.deepEqual(items, Array.from({ length: 100 }, (_, i) => i));
  await end();
});

Deno.test("a slow reader stops the producer, by items and by characters", async () => {
  for (const [options, most] of [[{}, 4], [{ streamWindowItems: 1000, streamWindowChars: 500 }, 9]] as const) {
    const numbers = new Numbers();
    const { session, end } = await world(() => new Streamed(null, numbers), options);
    const reply = await session.call({ method: "count" }) as Reply;
    await settle(200);
    assert.equal(numbers.made, 0, "nothing is made before somebody reads");
    const items = reply[Symbol.asyncIterator]();
    assert.equal((await items.next()).value, 0);
    await settle(400);
    assert.ok(numbers.made <= most + 1, `${numbers.made} were made`);
    for (let i = 1; i < 50; i++) assert.equal((await items.next()).value, i);
    await items.return?.();
    await end();
    assert.ok(numbers.left);
  }
});

Deno.test("leaving the loop ends the stream at its source, and aborts the handler's signal", async () => {
  const numbers = new Numbers();
  let signal: AbortSignal | undefined;
  const { session, server, end } = await world((_, context) => {
    signal = context.signal;
    return new Streamed(null, numbers);
  });
  for await (const item of await session.call({ method: "count" }) as Reply) if (item === 5) break;
  await settle(200);
  assert.deepEqual([numbers.left, signal?.aborted, server.calls.failed], [true, true, 0]);
  const unread = await session.call({ method: "count" }) as Reply;
  await unread.cancel();
  await end();
});

Deno.test("a throw in the midst of a stream reaches the reader's loop, typed, after the items before it", async () => {
  const { session, server, end } = await world(() => new Streamed(null, new Numbers(10, 3)));
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const item of await session.call({ method: "count" }) as Reply) seen.push(item);
  })();
  const error = await failure(reading, "invalid-request");
  assert.deepEqual([seen, error.details, error.remote], [[0, 1, 2], { at: 3 }, true]);
  await settle();
  assert.equal(server.calls.failed, 1);
  await end();
});

Deno.test("a streamed request comes to the handler item by item, with a reply after its end", async () => {
  const { session, end } = await world(async (request) => {
    let sum = 0;
    for await (const item of request as Streamed<MethodCall, number>) sum += item;
    return { sum, head: (request as Streamed<MethodCall, number>).head };
  });
  const reply = await session.call(new Streamed({ method: "sum", params: [1] }, new Numbers(50)));
  assert.deepEqual(reply, { sum: 1225, head: { method: "sum", params: [1] } });
  await end();
});

Deno.test("a reply before the end of the request's stream ends that stream", async () => {
  for (const fails of [false, true]) {
    const numbers = new Numbers();
    const { session, end } = await world(async (request) => {
      for await (const item of request as Streamed<MethodCall, number>) if (item === 2) break;
      if (fails) throw new TransportError("invalid-request", "Enough");
      return "enough";
    });
    const call = session.call(new Streamed({ method: "sum" }, numbers));
    if (fails) await failure(call, "invalid-request");
    else assert.equal(await call, "enough");
    await settle(200);
    assert.ok(numbers.left);
    await end();
  }
});

Deno.test("a handler that reads on hears that the request's stream was cut short, however its call ended", async () => {
  for (const by of ["reply", "reader", "signal", "connection"] as const) {
    const reading = Promise.withResolvers<Promise<TransportError>>();
    const entered = Promise.withResolvers<void>();
    const { session, clock, server } = await world((request) => {
      const items = (request as Streamed<MethodCall, number>)[Symbol.asyncIterator]();
      const read = async (): Promise<void> => {
        while (!(await items.next()).done) entered.resolve();
      };
      reading.resolve(failure(read(), by === "connection" ? "connection-lost" : "cancelled"));
      return by === "reply" ? entered.promise.then(() => "enough") : new Streamed(null, new Numbers());
    });
    const controller = new AbortController();
    const call = session.call(new Streamed({ method: "up" }, new Numbers()), callContext(controller));
    const items = by === "reply" ? undefined : (await call as Reply)[Symbol.asyncIterator]();
    await items?.next();
    if (by === "reader") await items?.return?.();
    if (by === "signal") controller.abort();
    if (by === "connection") session.abort(new TransportError("connection-lost", "Test: pulled the plug"));
    await (await reading.promise);
    await call;
    const closed = Promise.all([session.close(), server.shutdown()]);
    await settle(200);
    await clock.advance(10_000);
    await closed;
  }
});

Deno.test("an error of the request's source reaches the handler's loop", async () => {
  const { session, end } = await world(async (request) => {
    try {
      for await (const _ of request as Streamed<MethodCall, number>);
      return "no error";
    } catch (error) {
      return (error as TransportError).code;
    }
  });
  assert.equal(await session.call(new Streamed({ method: "sum" }, new Numbers(10, 3))), "invalid-request");
  await end();
});

Deno.test("streams go both ways at once: each item is answered as it comes", async () => {
  const { session, end } = await world((request) =>
    new Streamed(
      "squares",
      (async function* () {
        for await (const item of request as Streamed<MethodCall, number>) yield item * item;
      })(),
    )
  );
  const reply = await session.call(new Streamed({ method: "square" }, new Numbers(20))) as Reply;
  assert.deepEqual(await Array.fromAsync(reply), Array.from({ length: 20 }, (_, i) => i * i));
  await end();
});

Deno.test("a call that is given up takes its streams with it: by its signal, and at its deadline", async () => {
  for (const by of ["signal", "deadline"] as const) {
    const [up, down] = [new Numbers(), new Numbers()];
    let aborted = false;
    const { session, clock, end } = await world((_, context) => {
      context.signal.addEventListener("abort", () => aborted = true);
      return new Streamed(null, down);
    });
    const controller = new AbortController();
    const context = callContext(by === "signal" ? { signal: controller.signal } : { deadline: clock.now() + 50 });
    const reply = await session.call(new Streamed({ method: "both" }, up), context) as Reply;
    const items = reply[Symbol.asyncIterator]();
    await items.next();
    if (by === "signal") controller.abort();
    else await clock.advance(50);
    await failure(
      (async () => {
        for (;;) await items.next();
      })(),
      by === "signal" ? "cancelled" : "deadline-exceeded",
    );
    await settle(200);
    assert.ok(aborted && down.left);
    await end();
  }
});

Deno.test("the loss of the connection reaches both loops as connection-lost, and ends the sources", async () => {
  const numbers = new Numbers();
  const handlers: Promise<TransportError>[] = [];
  const { session, clock, server } = await world((request) => {
    if (!(request instanceof Streamed)) return new Streamed(null, numbers);
    const reading = (async () => {
      for await (const _ of request);
    })();
    handlers.push(failure(reading, ["connection-lost", "cancelled"]));
    return handlers[0];
  });
  const items = (await session.call({ method: "count" }) as Reply)[Symbol.asyncIterator]();
  await items.next();
  const up = failure(session.call(new Streamed({ method: "up" }, new Numbers())), "connection-lost");
  await settle();
  session.abort(new TransportError("connection-lost", "Test: pulled the plug"));
  await failure(
    (async () => {
      for (;;) await items.next();
    })(),
    "connection-lost",
    "yes",
  );
  await up;
  await handlers[0];
  await settle(200);
  assert.ok(numbers.left);
  assert.deepEqual([session.load, server.calls.inFlight], [0, 0]);
  const ended = server.shutdown();
  await clock.advance(10_000);
  await ended;
});

Deno.test("a peer that knows no streams gets a plain error, and gives one", async () => {
  const numbers = new Numbers();
  const peer = await rawPeer(() => new Streamed(null, numbers));
  const [text] = await peer.say('{"jsonrpc":"2.0","id":1,"method":"count"}');
  assert.equal(JSON.parse(text).error.code, -32601);
  await settle();
  const call = failure(peer.session.call(new Streamed({ method: "up", params: [1] }, new Numbers())), "remote", "no");
  const [request] = await peer.heard();
  assert.equal(
    request,
    '{"jsonrpc":"2.0","id":1,"method":"$/stream/call","params":{"method":"up","params":[1],"stream":1},"wireway":{}}',
  );
  await peer.say('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}');
  await call;
  assert.equal(peer.session.load, 0);
  await peer.end();
  const off = await rawPeer(undefined, { extensions: false });
  await failure(off.session.call(new Streamed({ method: "up" }, new Numbers())), "unsupported", "no");
  await off.end();
});

Deno.test("a reply to a call whose stream was not read tells the far side that nobody will", async () => {
  const peer = await rawPeer(() => "enough");
  const call = '{"jsonrpc":"2.0","id":1,"method":"$/stream/call","params":{"method":"up","stream":5},"wireway":{}}';
  assert.deepEqual(await peer.say(call), [
    '{"jsonrpc":"2.0","id":1,"result":"enough","wireway":{}}',
    '{"jsonrpc":"2.0","method":"$/stream/cancel","params":[5]}',
  ]);
  await peer.end();
});

Deno.test("items without credit, and words about streams that are none, end the connection; those of ended streams do not", async () => {
  const bad = [
    '"$/stream/item","params":[1,2]',
    '"$/stream/credit","params":[1,-1,5]',
    '"$/stream/credit","params":[1,1e999,5]',
    '"$/stream/item","params":{"stream":1}',
    '"$/stream/end","params":[]',
  ];
  for (const words of bad) {
    const peer = await rawPeer(undefined, { streamWindowItems: 2 });
    const call = peer.session.call({ method: "count" });
    await peer.heard();
    await peer.say('{"jsonrpc":"2.0","id":1,"result":null,"wireway":{"stream":1}}');
    const reply = await call as Reply;
    assert.deepEqual(await peer.say('{"jsonrpc":"2.0","method":"$/stream/item","params":[99,1]}'), []);
    assert.equal(peer.session.state, "open");
    await peer.say(`{"jsonrpc":"2.0","method":${words}}`);
    assert.equal(peer.session.state, "closed", words);
    assert.equal((await peer.session.finished)?.code, "protocol");
    await failure(Array.fromAsync(reply), "connection-lost");
    await peer.end();
  }
});

Deno.test("a reply whose stream has the number of another one ends its connection, and its call with it", async () => {
  const peer = await rawPeer(undefined);
  const first = peer.session.call({ method: "m" });
  const second = failure(peer.session.call({ method: "m" }), "protocol");
  await peer.heard();
  await peer.say('{"jsonrpc":"2.0","id":1,"result":1,"wireway":{"stream":7}}');
  await first;
  await peer.say('{"jsonrpc":"2.0","id":2,"result":2,"wireway":{"stream":7}}');
  await second;
  assert.equal(peer.session.state, "closed");
  await peer.end();
});
