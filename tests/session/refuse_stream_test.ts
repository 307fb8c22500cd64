/**
 * A stream that gets past the types into a protocol that has none: it is
 * refused, nothing of it is sent, and its source is let go of.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  http,
  httpCalls,
  jsonRpcHttp,
  memory,
  type MethodCall,
  pipeline,
  type Session,
  type SessionTransport,
  Streamed,
} from "../../mod.ts";
import { failure } from "../support/calls.ts";

/** A stream that knows how it ended. */
function endless(head: unknown): { stream: Streamed<unknown>; ended: () => boolean } {
  let ended = false;
  const stream = new Streamed<unknown>(head, {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("Nobody may read it")) }),
  });
  stream.whenEnded(() => ended = true);
  return { stream, ended: () => ended };
}

type Any = SessionTransport<unknown, unknown>;

const call: MethodCall = { method: "echo", params: [1] };
const protocols: Record<string, { wire: (port: number) => Any; request: unknown; keepsReplies?: true }> = {
  "pipeline()": { wire: () => plain as Any, request: new Uint8Array(1) },
  "httpCalls()": {
    wire: (port) => chain(http({ port, hostname: "127.0.0.1" }), httpCalls()) as Any,
    request: new Uint8Array(1),
  },
  "jsonRpcHttp() without extensions": {
    wire: (port) => chain(http({ port, hostname: "127.0.0.1" }), jsonRpcHttp({ extensions: false })) as Any,
    request: call,
    keepsReplies: true,
  },
};
const plain = chain(memory(), pipeline({ errorReply: ({ code }) => new TextEncoder().encode(code) }));

for (const [name, { wire, request, keepsReplies }] of Object.entries(protocols)) {
  Deno.test(`${name} refuses a stream before anything of it is sent, and cancels it`, async () => {
    let runs = 0;
    const server = await wire(0).listen((got) => {
      runs++;
      return keepsReplies === true ? "done" : got;
    });
    const session: Session<unknown, unknown> = await wire(server.addr.port ?? 0).dial();
    try {
      const { stream, ended } = endless(request);
      const error = await failure(session.call(stream), "unsupported", "no");
      assert.match(error.message, /^Stream not sent: /);
      assert.equal(ended(), true, "its source is let go of");
      assert.equal(runs, 0);
      await session.call(request);
      assert.equal(runs, 1, "the session is as good as before");
    } finally {
      await session.close();
      await server.shutdown();
    }
  });

  if (keepsReplies) continue;
  Deno.test(`${name} refuses a reply that is a stream, and cancels it`, async () => {
    const { stream, ended } = endless(request);
    const server = await wire(0).listen(() => stream);
    const session = await wire(server.addr.port ?? 0).dial();
    try {
      // pipeline() has no errors but what `errorReply` makes of them.
      if (name === "pipeline()") {
        assert.equal(new TextDecoder().decode(await session.call(request) as Uint8Array), "unsupported");
      } else {
        await failure(session.call(request), "unsupported", "yes");
      }
      assert.equal(ended(), true);
    } finally {
      await session.close();
      await server.shutdown();
    }
  });
}
