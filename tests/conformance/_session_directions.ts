/**
 * Conformance of sessions: calls back, sends without a reply, signs of life.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, TransportError } from "../../mod.ts";
import { failure, settle } from "../support/calls.ts";
import { numbered, Recorder, turns, until } from "../support/channels.ts";
import { type Bytes, echo, quiet } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

/** Calls something that may throw at once instead of rejecting. */
async function attempt<T>(run: () => T | Promise<T>): Promise<T> {
  return await run();
}

/** Registers them. */
export function directionTests(test: SessionTest, can: Capabilities): void {
  if (can.callBack) {
    test("lets a handler call its caller back, many times and at once", {}, async (world) => {
      await world.serve(async (request, context) => {
        const peer = context.peer!;
        const replies = await Promise.all([1, 2, 3].map((n) => peer.call(numbered(request[3] * 10 + n, 4))));
        return (replies as Bytes[])[2];
      });
      const seen: number[] = [];
      const session = await world.dial({
        handler: (request) => {
          seen.push(request[3]);
          return request;
        },
      });
      const replies = await Promise.all([0, 1, 2, 3, 4].map((i) => session.call(numbered(i, 4))));
      assert.deepEqual(replies.map((reply) => reply[3]), [3, 13, 23, 33, 43]);
      assert.equal(seen.length, 15);
    });

    test("refuses to call back a caller that answers no calls", {}, async (world) => {
      const told: unknown[] = [];
      await world.serve(async (request, context) => {
        await context.peer!.call(request).catch((error) => told.push(error));
        return request;
      });
      const session = await world.dial();
      await session.call(new Uint8Array(1));
      assert.ok(told[0] instanceof TransportError);
      assert.equal(told[0].code, "unsupported");
    });
  } else {
    test("refuses to call its caller back as unsupported", {}, async (world) => {
      const told: Promise<TransportError>[] = [];
      await world.serve(async (request, context) => {
        told.push(failure(attempt(() => context.peer!.call(request)), "unsupported", "no"));
        await told[0];
        return request;
      });
      const session = await world.dial({ handler: echo });
      await session.call(new Uint8Array(1));
      await told[0];
      assert.equal(session.state, "open");
    });
  }

  if (can.oneWay) {
    test("sends one way, in order, with its context, and hears nothing of what fails", {}, async (world) => {
      const seen: [number, CallContext][] = [];
      const server = await world.serve((request, context) => {
        seen.push([request[3], context]);
        if (request[3] % 2 === 1) throw new Error("odd");
        return request;
      });
      const session = await world.dial();
      for (let i = 0; i < 10; i++) await session.send(numbered(i, 4), callContext({ metadata: { number: `${i}` } }));
      await until(() => seen.length === 10, "10 sends");
      assert.deepEqual(seen.map(([number]) => number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.deepEqual(seen.map(([, { metadata }]) => metadata.number), seen.map(([number]) => `${number}`));
      await quiet(server);
      assert.deepEqual(server.calls, { inFlight: 0, started: 10, failed: 5, refused: 0 });
      assert.deepEqual([session.state, session.load], ["open", 0]);
    });
  } else {
    test("refuses to send one way as unsupported", {}, async (world) => {
      const server = await world.serve(echo);
      const session = await world.dial();
      await failure(attempt(() => session.send(new Uint8Array(1))), "unsupported", "no");
      await session.call(new Uint8Array(1));
      assert.equal(server.calls.started, 1);
    });
  }

  test(can.ping ? "answers pings" : "refuses to ping as unsupported", {}, async (world) => {
    await world.serve(echo);
    const session = await world.dial();
    if (can.ping) {
      const trips = await Promise.all([session.ping(), session.ping(), session.ping()]);
      for (const ms of trips) assert.ok(ms >= 0);
    } else {
      await failure(attempt(() => session.ping()), "unsupported", "no");
    }
    await session.call(new Uint8Array(1));
  });

  if (can.halfClose && !can.goaway && !can.reorder) {
    test("answers a peer that has ended its side after its requests", {}, async (world) => {
      const server = await world.serve(async (request) => {
        await turns(5 - request[3]);
        return request;
      });
      const channel = await world.channels!.dial();
      const recorder = new Recorder();
      channel.receive(recorder);
      for (let i = 0; i < 5; i++) void channel.send(numbered(i, 100));
      const closed = channel.close();
      assert.equal(await recorder.over(), undefined);
      await closed;
      assert.deepEqual(recorder.messages, [0, 1, 2, 3, 4].map((i) => numbered(i, 100)));
      await until(() => (server.channels.connectionsOpen ?? 0) === 0, "the end of the connection at the server");
      assert.equal(server.channels.connectionsFailed ?? 0, 0);
    });
  }

  test("says where its ends are, and tells when its load changes", {}, async (world) => {
    const server = await world.serve(echo);
    const session = await world.dial();
    assert.equal(session.remote.port, server.addr.port);
    assert.equal(session.remote.path, server.addr.path);
    const loads: number[] = [];
    session.onChange = () => loads.push(session.load);
    await Promise.all([1, 2, 3].map((n) => session.call(numbered(n, 4))));
    await settle();
    assert.deepEqual(loads, [2, 1, 0]);
    await session.close();
    assert.equal(session.state, "closed");
    await failure(session.call(new Uint8Array(1)), "closed", "no");
  });
}
