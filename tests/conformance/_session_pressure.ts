/**
 * Conformance of sessions: a peer that does not read.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { numbered, sameBytes, until, untilStill } from "../support/channels.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

/** One reply. */
const replyBytes = 200_000;

/** Calls of the client that does not read, together far more than any buffer holds. */
const greedyCalls = 500;

/** What the system holds of a connection through the proxy, roughly: four socket buffers of up to 6 MB. */
const systemBytes = 24_000_000;

/** Registers them. */
export function pressureTests(test: SessionTest, can: Capabilities): void {
  if (can.port) {
    const behaviour = can.holdsBack
      ? "reads no more from a peer that does not read its replies, serves others meanwhile, and goes on"
      : "serves others while a peer does not read its replies, and goes on";
    test(behaviour, { maxInFlight: greedyCalls }, async (world) => {
      let greedy = 0;
      const server = await world.serve((request) => {
        if (request.length !== 4) return request;
        greedy++;
        return numbered(request[3], replyBytes);
      });
      const others = await world.dial();
      const proxy = await world.proxy();
      const session = await world.dial();
      await session.call(new Uint8Array(1));
      proxy.pause();
      // A server may allow a connection fewer than we do.
      const asked = Math.min(greedyCalls, session.capacity);
      const calls = Array.from({ length: asked }, (_, i) => session.call(numbered(i, 4)));
      // What was asked for reaches the server in the end; what it can't get rid of stays with the proxy.
      proxy.resume();
      await until(() => greedy > 0, "the first greedy call");
      proxy.pause();
      const stopped = await untilStill(() => greedy);
      if (can.holdsBack) {
        assert.ok(
          stopped * replyBytes < systemBytes + 2_000_000,
          `${stopped} replies of ${replyBytes} bytes were made for a peer that does not read`,
        );
        assert.ok(stopped < asked, "the server went on");
      }
      for (let i = 0; i < 20; i++) {
        sameBytes(await others.call(numbered(i, 5000)), numbered(i, 5000), "a call of another client");
      }
      proxy.resume();
      const replies = await Promise.all(calls);
      replies.forEach((reply, i) => sameBytes(reply, numbered(i & 255, replyBytes), `reply ${i}`));
      assert.equal(server.calls.failed, 0);
      assert.equal(session.load, 0);
    });
  }

  test("answers many large calls at once, both ways", {}, async (world) => {
    await world.serve((request) => request);
    const client = world.client();
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      const request = numbered(i, 150_000 + i * 1000);
      sameBytes(await client(request), request, `call ${i}`);
    }));
  });
}
