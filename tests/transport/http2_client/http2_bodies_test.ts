/**
 * HTTP/2 on own sockets: the bodies of requests that are not sent are let go of.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { goawayFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { origin, Scripted, settle } from "./_scripted.ts";

/** A body that never ends, and what its source is told. */
function endless(first?: unknown): { body: ReadableStream<Uint8Array>; cancelled: () => boolean } {
  let told = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      if (first !== undefined) controller.enqueue(first as Uint8Array);
    },
    cancel(): void {
      told = true;
    },
  });
  return { body, cancelled: () => told };
}

Deno.test("the body of a request whose head can't be sent is let go of", async () => {
  const server = await Scripted.open();
  const { body, cancelled } = endless();
  const bad = new Request(origin, { method: "POST", body, headers: { "y": "a\x7f" } });
  await failure(server.session.call(bad), "invalid-request", "no");
  assert.ok(cancelled());
  await server.end();
});

Deno.test("the body of a request whose connection closes before it is sent is let go of", async () => {
  const server = await Scripted.open();
  const { body, cancelled } = endless();
  const call = server.session.call(new Request(origin, { method: "POST", body }));
  call.catch(() => {});
  server.session.connection.goneAway(0, 0);
  await settle();
  await failure(call, "connection-lost", "no");
  assert.ok(cancelled());
  await server.end();
});

Deno.test("a body that gives something else than bytes is let go of", async () => {
  const server = await Scripted.open();
  const { body, cancelled } = endless(7);
  await failure(server.session.call(new Request(origin, { method: "POST", body })), "invalid-request", "no");
  await settle();
  assert.ok(cancelled());
  await server.send(goawayFrame(0, 0));
  await server.end();
});
