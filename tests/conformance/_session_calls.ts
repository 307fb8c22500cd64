/**
 * Conformance of sessions: calls and their replies, their number, their sizes
 * and their errors.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Processed, TransportError } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { numbered, sameBytes, until } from "../support/channels.ts";
import { echo, Gate, quiet } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

const limit = 300_000;

/** Sizes around the buffers and the lengths of lengths. */
const sizes = [0, 1, 2, 5, 125, 126, 127, 128, 1023, 1024, 1025, 4096, 16_383, 65_535, 65_536, 131_072];

function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function asBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Registers them. */
export function callTests(test: SessionTest, can: Capabilities): void {
  test("answers calls of every size up to the limit exactly", { maxMessageBytes: limit }, async (world) => {
    await world.serve(echo);
    const session = await world.dial();
    for (const [i, size] of [...sizes, limit - 1, limit].entries()) {
      sameBytes(await session.call(numbered(i, size)), numbered(i, size), `a call of ${size} bytes`);
    }
    const replies = await Promise.all(sizes.map((size, i) => session.call(numbered(i, size))));
    replies.forEach((reply, i) => sameBytes(reply, numbered(i, sizes[i]), `a call of ${sizes[i]} bytes`));
    assert.equal(session.load, 0);
  });

  test("refuses a request over the limit as message-too-large, and lives on", {
    maxMessageBytes: limit,
  }, async (world) => {
    const server = await world.serve(echo);
    const session = await world.dial();
    const largest = session.call(numbered(1, limit));
    await failure(session.call(new Uint8Array(limit + 1)), "message-too-large", "no");
    await largest;
    assert.equal((await session.call(new Uint8Array(3))).length, 3);
    assert.deepEqual([session.state, session.load], ["open", 0]);
    assert.equal(server.calls.started, 2, "the handler never saw it");
  });

  const overReply = can.errors
    ? "rejects a call whose reply is over the limit as processed, and lives on"
    : "ends a connection with a reply over the limit, for there is no way to say so";
  test(overReply, { maxMessageBytes: limit }, async (world) => {
    const server = await world.serve((request) => new Uint8Array(request.length > 1 ? limit + 1 : 1));
    const session = await world.dial();
    const error = await failure(session.call(new Uint8Array(2)), can.errors ? "message-too-large" : "connection-lost");
    if (can.errors) assert.equal(error.processed, "yes");
    assert.equal((await (can.errors ? session : await world.dial()).call(new Uint8Array(1))).length, 1);
    await quiet(server);
    assert.equal(server.calls.failed, 1);
  });

  test("gives each of 1000 concurrent calls its own reply", {}, async (world) => {
    // Handlers end in an order that has nothing to do with that of the calls.
    const waiting: (() => void)[] = [];
    const server = await world.serve(async (request) => {
      if (request[3] % 3 > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      for (const resolve of waiting.splice(Math.max(0, waiting.length - 2))) resolve();
      return request;
    });
    const client = world.client();
    let done = 0;
    const calls = Array.from({ length: 1000 }, async (_, i) => {
      const request = numbered(i, 4 + (i * 7) % 900);
      sameBytes(await client(request), request, `call ${i}`);
      done++;
    });
    // The last ones have nobody behind them who would wake them.
    await until(() => {
      if (waiting.length > 0 && (server.calls.inFlight === waiting.length)) waiting.pop()!();
      return done === 1000;
    }, "1000 replies");
    await Promise.all(calls);
    assert.equal(server.calls.started, 1000);
  });

  test("refuses a call over its capacity as too-many-calls, not processed", { maxInFlight: 5 }, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    assert.equal(session.capacity, 5);
    const calls = Array.from({ length: 5 }, (_, i) => session.call(numbered(i, 8)));
    await gate.reached(5);
    assert.equal(session.load, 5);
    for (let i = 0; i < 3; i++) await failure(session.call(numbered(9, 8)), "too-many-calls", "no");
    gate.open();
    (await Promise.all(calls)).forEach((reply, i) => sameBytes(reply, numbered(i, 8), `call ${i}`));
    assert.equal(session.load, 0);
    assert.equal((await session.call(numbered(1, 8))).length, 8);
    assert.equal(server.calls.started, 6);
  });

  if (can.errors) {
    test("carries an error's code, message, details, retryAfterMs and processed to the caller", {}, async (world) => {
      const server = await world.serve((request) => {
        throw new TransportError(
          asText(request).startsWith("o") ? "overloaded" : "invalid-request",
          "Nø: 17 is töö bad",
          {
            details: { order: 17, list: ["a", { b: null }] },
            retryAfterMs: 1500,
            processed: asText(request).slice(1) as Processed,
          },
        );
      });
      const session = await world.dial();
      for (const processed of ["no", "maybe", "yes"] as const) {
        for (const code of ["overloaded", "invalid-request"] as const) {
          const error = await failure(session.call(asBytes(code[0] + processed)), code, processed);
          assert.equal(error.message, "Nø: 17 is töö bad");
          assert.deepEqual(error.details, { order: 17, list: ["a", { b: null }] });
          assert.equal(error.retryAfterMs, 1500);
          assert.equal(error.remote, true);
        }
      }
      assert.deepEqual([session.state, session.load], ["open", 0]);
      await quiet(server);
      assert.deepEqual([server.calls.started, server.calls.failed], [6, 6]);
    });

    test("makes any other failure of the handler a remote error", {}, async (world) => {
      const server = await world.serve((request) => {
        if (request.length === 0) return Promise.reject(new RangeError("no such row"));
        throw request.length === 1 ? new Error("") : request.length === 2 ? "just a text" : undefined;
      });
      const session = await world.dial();
      const messages = ["no such row", "", "just a text", "undefined"];
      for (const [length, message] of messages.entries()) {
        const error = await failure(session.call(new Uint8Array(length)), "remote", "yes");
        assert.equal(error.message, message);
        assert.equal(error.remote, true);
      }
      await quiet(server);
      assert.equal(server.calls.failed, 4);
    });

    test("tells of an error whose details are not JSON, without them", {}, async (world) => {
      await world.serve(() => {
        throw new TransportError("invalid-request", "Bad number", { details: { number: 1n } });
      });
      const session = await world.dial();
      assert.equal((await failure(session.call(new Uint8Array(1)), "invalid-request")).message, "Bad number");
      assert.equal(session.state, "open");
    });
  } else {
    test("ends a connection whose handler fails, for there is no way to say so", {}, async (world) => {
      const server = await world.serve((request) => {
        if (request.length > 1) throw new Error("no such row");
        return request;
      });
      const session = await world.dial();
      await failure(session.call(new Uint8Array(2)), "connection-lost", "maybe");
      await session.finished;
      assert.equal(session.state, "closed");
      assert.equal((await (await world.dial()).call(new Uint8Array(1))).length, 1);
      await quiet(server);
      assert.equal(server.calls.failed, 1);
    });
  }

  test("counts its calls, and comes back to none in flight", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    const calls = Array.from({ length: 10 }, () => session.call(new Uint8Array(4)));
    await gate.reached(10);
    assert.deepEqual(server.calls, { inFlight: 10, started: 10, failed: 0, refused: 0 });
    gate.open();
    await Promise.all(calls);
    await quiet(server);
    assert.deepEqual(server.calls, { inFlight: 0, started: 10, failed: 0, refused: 0 });
    assert.equal(session.load, 0);
  });
}
