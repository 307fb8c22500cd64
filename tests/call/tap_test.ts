/**
 * tap() and tapMessages(): look, and change nothing.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  memory,
  type Message,
  mux,
  serve,
  type Service,
  tap,
  tapMessages,
  tcp,
  text,
} from "../../mod.ts";
import { scripted, settle } from "../support/calls.ts";
import { join, part, Recorder } from "../support/channels.ts";

Deno.test("tap() sees calls, replies and errors with their contexts", async () => {
  const { service, calls } = scripted<string, string>();
  const seen: unknown[] = [];
  const call = chain(
    service,
    tap<string, string>({
      onRequest: (request, context) => seen.push(["request", request, context.priority]),
      onReply: (reply, request, context) => seen.push(["reply", reply, request, context.priority]),
      onError: (error, request) => seen.push(["error", (error as Error).message, request]),
    }),
  );
  const [first, second] = [call("a", callContext({ priority: 1 })), call("b")];
  calls[0].resolve("A");
  calls[1].reject(new Error("fault"));
  await Promise.allSettled([first, second]);
  assert.deepEqual(seen, [
    ["request", "a", 1],
    ["request", "b", 3],
    ["reply", "A", "a", 1],
    ["error", "fault", "b"],
  ]);
});

Deno.test("tap() gives the inner service's own promise, whatever it looks at", async () => {
  const reply = Promise.resolve("A");
  const service: Service<string, string> = () => reply;
  for (const options of [{}, { onRequest: () => {} }, { onReply: () => {} }, { onError: () => {} }]) {
    assert.equal(tap<string, string>(options)(service)("a"), reply);
  }
  await reply;
});

Deno.test("tap() that throws, at once or later, breaks no call", async () => {
  const fault = (): never => {
    throw new Error("in the tap");
  };
  const later = () => Promise.reject(new Error("in the tap"));
  for (const look of [fault, later]) {
    const call = chain((request: string) => {
      if (request === "bad") throw new RangeError("own");
      return request;
    }, tap<string, string>({ onRequest: look, onReply: look, onError: look }));
    assert.equal(await call("good"), "good");
    await assert.rejects(call("bad"), RangeError);
  }
});

Deno.test("tap() refuses options that make no sense", () => {
  assert.throws(() => tap({ onRequest: 1 } as never), { code: "invalid-option" });
  assert.throws(() => tapMessages({ onMessage: () => {} } as never), { code: "invalid-option" });
});

Deno.test("tapMessages() sees what is sent and received on both ends, and their beginning and end", async () => {
  const seen: string[] = [];
  const transport = chain(
    memory(),
    tapMessages({
      onOpen: (_, side) => seen.push(`open ${side}`),
      onSend: (message) => seen.push(`send ${message}`),
      onReceive: (message) => seen.push(`receive ${message}`),
      onClose: (error) => seen.push(`close ${error?.code}`),
    }),
  );
  const pair = await join(transport);
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  await pair.near.send("hello");
  await far.count(1);
  await part(pair);
  await settle();
  assert.deepEqual(seen.slice(0, 2).sort(), ["open client", "open server"]);
  assert.deepEqual(seen.slice(2, 4), ["send hello", "receive hello"]);
  assert.deepEqual(seen.slice(4), ["close undefined", "close undefined"]);
});

Deno.test("tapMessages() that throws breaks nothing, and calls go through it", async () => {
  const fault = (): never => {
    throw new Error("in the tap");
  };
  for (const options of [{ onOpen: fault, onSend: fault, onReceive: fault, onClose: fault }, {}]) {
    const wire = chain(memory(), tapMessages(options), mux(), text());
    const server = await serve(wire, (request) => `${request}!`);
    const session = await wire.dial();
    assert.equal(await session.call("x".repeat(50_000)), `${"x".repeat(50_000)}!`);
    await session.close();
    await server.shutdown();
  }
});

Deno.test("tapMessages() sees messages whole that are sent in two parts to save a copy", async () => {
  const sizes: number[] = [];
  const onSend = (message: Message) => sizes.push(message.length);
  const server = await serve(chain(tcp({ port: 0 }), mux()), (request) => request.subarray(0, 1));
  const session = await chain(tcp({ port: server.addr.port }), tapMessages({ onSend }), mux()).dial();
  await session.call(new Uint8Array(100_000));
  await session.close();
  await server.shutdown();
  assert.ok(sizes.some((size) => size > 100_000 && size < 100_100), String(sizes));
});
