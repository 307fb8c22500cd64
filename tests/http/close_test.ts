/**
 * http(): how long the end of a client takes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, circuitBreaker, contentEncoding, ManualClock, TransportError } from "../../mod.ts";
import { chain } from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { within } from "../support/channels.ts";
import { bothForms, httpWorld } from "./_world.ts";

/** More than a socket holds, so that it can't all be here before it is read. */
const large = (): Response => new Response(new Uint8Array(8_000_000));

/** The error that reading a body ends with. */
async function readingFails(response: Response): Promise<TransportError> {
  const error = await within(response.bytes(), "the body's end").then(() => undefined, (error) => error);
  assert.ok(error instanceof TransportError, `${error}`);
  return error;
}

bothForms("a client that is closed waits a second for a response that nobody reads, not thirty", async (client) => {
  const clock = new ManualClock();
  await httpWorld(large, async ({ origin, client: clientOf }) => {
    const call = clientOf({ client, clock });
    const forgotten = await call(new Request(`${origin}/`));
    // What is not said is as usual.
    const closing = new Watched(call.close({ unreadGraceMs: undefined }));
    await clock.advance(999);
    await settle();
    assert.equal(closing.settled, 0);
    await clock.advance(1);
    await within(call.close(), "the end of the client");
    const error = await readingFails(forgotten);
    assert.deepEqual([error.code, error.processed], ["closed", "yes"]);
    assert.match(error.message, /nobody began to read its body within 1000 ms/);
  });
});

bothForms("a client that is closed lets a response be read on for as long as its grace says", async (client) => {
  const clock = new ManualClock();
  await httpWorld(large, async ({ origin, client: clientOf }) => {
    const call = clientOf({ client, clock });
    const reader = (await call(new Request(`${origin}/`))).body!.getReader();
    await reader.read();
    const closing = call.close({ graceMs: 5000 });
    await clock.advance(4999);
    assert.equal((await reader.read()).done, false);
    await clock.advance(1);
    await within(closing, "the end of the client");
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    }, { code: "closed", message: /not finished within 5000 ms/ });
  });
});

bothForms("close() takes its graces through a chain, and a body that is compressed is unread, too", async (client) => {
  const clock = new ManualClock();
  const packed = new Response(large().body!.pipeThrough(new CompressionStream("gzip")), {
    headers: { "content-encoding": "gzip" },
  });
  await httpWorld(() => packed, async ({ origin, client: clientOf }) => {
    const call = chain(clientOf({ client, clock }), circuitBreaker({ clock }));
    const response = await call(new Request(`${origin}/`), callContext());
    const closing = call.close({ unreadGraceMs: 10 });
    await clock.advance(10);
    await within(closing, "the end of the client");
    await readingFails(response);
  });
});

bothForms("a body that contentEncoding() would decode is unread, too, until somebody asks for it", async (client) => {
  const clock = new ManualClock();
  // Noise stays as large as it is.
  const noise = new Uint8Array(4_000_000);
  for (let i = 0; i < noise.length; i += 50_000) crypto.getRandomValues(noise.subarray(i, i + 50_000));
  const packed = () =>
    new Response(new Response(noise).body!.pipeThrough(new CompressionStream("gzip")), {
      headers: { "content-encoding": "gzip" },
    });
  await httpWorld(packed, async ({ origin, client: clientOf }) => {
    const call = chain(clientOf({ client, clock, decompress: false }), contentEncoding({ side: "client" }));
    assert.equal((await (await call(new Request(`${origin}/`))).bytes()).length, noise.length);
    const response = await call(new Request(`${origin}/`));
    await settle();
    const closing = call.close({ unreadGraceMs: 10 });
    await clock.advance(10);
    await within(closing, "the end of the client");
    await readingFails(response);
  });
});

bothForms("a session that is closed waits for a response that is read late, unless told otherwise", async (client) => {
  const clock = new ManualClock();
  await httpWorld(large, async ({ origin, dial }) => {
    const session = await dial({ client, clock });
    const response = await session.call(new Request(`${origin}/`));
    const closing = session.close();
    await clock.advance(29_000);
    assert.equal((await response.bytes()).length, 8_000_000);
    await within(closing, "the end of the session");
  });
});
