/**
 * whenComplete(): when a reply is whole.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Streamed, whenComplete } from "../../mod.ts";
import { settle } from "../support/calls.ts";

/** A response whose body the test feeds. */
function fed(): { response: Response; controller: ReadableStreamDefaultController<Uint8Array>; cancelled: unknown[] } {
  const cancelled: unknown[] = [];
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: (reason) => void cancelled.push(reason),
  });
  const init = { status: 206, statusText: "Part", headers: { "x-kept": "yes" } };
  return { response: new Response(body, init), controller, cancelled };
}

/** What a listener has heard. */
function heard(): { ends: unknown[]; done: (error?: unknown) => void } {
  const ends: unknown[] = [];
  return { ends, done: (error) => void ends.push(error) };
}

Deno.test("a reply that is no response is whole at once, and passed on untouched", () => {
  const { ends, done } = heard();
  const reply = new Uint8Array(3);
  assert.equal(whenComplete(reply, done), reply);
  assert.equal(whenComplete(undefined, done), undefined);
  assert.equal(whenComplete("text", done), "text");
  assert.deepEqual(ends, [undefined, undefined, undefined]);
});

Deno.test("a response without a body is whole at once", () => {
  const { ends, done } = heard();
  const response = new Response(null, { status: 204 });
  assert.equal(whenComplete(response, done), response);
  assert.equal(ends.length, 1);
});

Deno.test("a response is whole when its body was read to the end, not before", async () => {
  const { response, controller } = fed();
  const { ends, done } = heard();
  const outer = whenComplete(response, done);
  assert.equal(outer.status, 206);
  assert.equal(outer.statusText, "Part");
  assert.equal(outer.headers.get("x-kept"), "yes");
  controller.enqueue(new TextEncoder().encode("one "));
  const text = outer.text();
  await settle();
  assert.equal(ends.length, 0);
  controller.enqueue(new TextEncoder().encode("two"));
  controller.close();
  assert.equal(await text, "one two");
  assert.deepEqual(ends, [undefined]);
});

Deno.test("a response is whole when its reader cancels, and what makes the body is told", async () => {
  const { response, cancelled } = fed();
  const { ends, done } = heard();
  const outer = whenComplete(response, done);
  await outer.body!.cancel("enough");
  assert.deepEqual(ends, [undefined]);
  assert.deepEqual(cancelled, ["enough"]);
});

Deno.test("a body that fails is told with its error", async () => {
  const { response, controller } = fed();
  const { ends, done } = heard();
  const outer = whenComplete(response, done);
  const error = new Error("torn");
  controller.error(error);
  await assert.rejects(outer.text(), error);
  assert.deepEqual(ends, [error]);
});

Deno.test("several listeners share one stream around the body, and each hears its end once", async () => {
  const { response, controller } = fed();
  const inner = heard();
  const outer = heard();
  const first = whenComplete(response, inner.done);
  assert.equal(whenComplete(first, outer.done), first);
  controller.close();
  await first.text();
  assert.equal(inner.ends.length, 1);
  assert.equal(outer.ends.length, 1);
  assert.equal(whenComplete(first, outer.done), first);
  assert.equal(outer.ends.length, 2);
});

Deno.test("nothing is read from a body before its reader asks", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({ pull: () => void pulls++ }, { highWaterMark: 0 });
  const outer = whenComplete(new Response(body), () => {});
  await settle();
  assert.equal(pulls, 0);
  await outer.body!.cancel();
});

Deno.test("a listener that throws keeps no other from hearing, and breaks no body and no stream", async () => {
  const uncaught: unknown[] = [];
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    uncaught.push(event.error);
  };
  addEventListener("error", onError);
  const fault = new Error("the listener is broken");
  const broken = (): never => {
    throw fault;
  };
  const [ofBody, ofStream] = [heard(), heard()];
  const reply = whenComplete(whenComplete(new Response("whole"), broken), ofBody.done);
  assert.equal(await reply.text(), "whole");
  const items = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true as const, value: 0 }) }) };
  const streamed = whenComplete(whenComplete(new Streamed("head", items), broken), ofStream.done);
  for await (const _ of streamed) assert.fail("there are no items");
  await settle();
  removeEventListener("error", onError);
  assert.deepEqual([ofBody.ends, ofStream.ends], [[undefined], [undefined]]);
  assert.deepEqual(uncaught, [fault, fault]);
});
