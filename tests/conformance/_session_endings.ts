/**
 * Conformance of sessions: ends in order, and ends whose time is over.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../mod.ts";
import { failure, Watched } from "../support/calls.ts";
import { numbered, until, within } from "../support/channels.ts";
import { echo, Gate, quiet } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

/** Registers them. */
export function endingTests(test: SessionTest, can: Capabilities): void {
  test("answers all calls in flight when the server shuts down, and takes no new connections", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler, 60_000);
    const session = await world.dial();
    const calls = Array.from({ length: 30 }, (_, i) => session.call(numbered(i, 100)));
    await gate.reached(30);
    let over = false;
    const shutdown = server.shutdown().then(() => over = true);
    assert.equal(server.shutdown(), server.shutdown());
    if (can.goaway && can.connection) await until(() => session.state === "draining", "a session that drains");
    await failure(world.client({ initialBackoffMs: 1 })(new Uint8Array(4)), ["connect-failed", "connection-lost"]);
    assert.equal(over, false);
    gate.open();
    (await Promise.all(calls)).forEach((reply, i) => assert.deepEqual(reply, numbered(i, 100)));
    await within(shutdown, "the server's end");
    await within(server.finished, "the server's end");
    assert.equal(gate.cancelled, 0, "no handler was cancelled");
    assert.deepEqual(server.calls, { inFlight: 0, started: 30, failed: 0, refused: 0 });
    assert.equal(server.channels.connectionsOpen ?? 0, 0);
    if (can.connection) assert.equal(await within(session.finished, "the session's end"), undefined);
    await failure(session.call(new Uint8Array(4)), can.connection ? "closed" : "connect-failed", "no");
  });

  test("cuts off what is still in flight when the grace is over", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler, 60_000);
    const session = await world.dial();
    const calls = Array.from({ length: 10 }, (_, i) => new Watched(session.call(numbered(i, 100))));
    await gate.reached(10);
    await within(server.shutdown({ graceMs: 30 }), "the server's end");
    await until(() => calls.every(({ settled }) => settled === 1), "the end of all calls");
    for (const { code, error } of calls) {
      assert.equal(code, "connection-lost");
      assert.equal((error as TransportError).processed, "maybe");
    }
    await until(() => gate.cancelled === 10, "10 cancelled handlers");
    gate.open();
    await quiet(server);
    await within(server.finished, "the server's end");
    assert.equal(server.channels.connectionsOpen ?? 0, 0);
    assert.equal(session.load, 0);
  });

  test("shuts down at once where nothing is in flight", {}, async (world) => {
    const server = await world.serve(echo, 60_000);
    const sessions = await Promise.all([world.dial(), world.dial(), world.dial()]);
    await Promise.all(sessions.map((session) => session.call(new Uint8Array(4))));
    await within(server.shutdown(), "the server's end");
    if (!can.connection) return;
    for (const session of sessions) assert.equal(await within(session.finished, "the session's end"), undefined);
  });

  test("lets calls in flight finish when the calling end closes, and takes no more", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    const calls = Array.from({ length: 10 }, (_, i) => session.call(numbered(i, 100)));
    await gate.reached(10);
    const closed = session.close();
    assert.notEqual(session.state, "open");
    await failure(session.call(new Uint8Array(4)), ["draining", "closed"], "no");
    gate.open();
    (await Promise.all(calls)).forEach((reply, i) => assert.deepEqual(reply, numbered(i, 100)));
    await within(closed, "the session's end");
    assert.equal(session.state, "closed");
    assert.equal(await session.finished, undefined);
    await session.close();
    await quiet(server);
    assert.equal(gate.cancelled, 0);
  });

  const handlers = can.halfClose ? "and their handlers go on" : "and cancels their handlers";
  test(`rejects calls in flight when the calling end aborts, ${handlers}`, {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    const calls = Array.from({ length: 10 }, () => new Watched(session.call(new Uint8Array(100))));
    await gate.reached(10);
    session.abort(new TransportError("cancelled", "The test has enough"));
    await until(() => calls.every(({ settled }) => settled === 1), "the end of all calls");
    for (const { error } of calls) assert.match((error as Error).message, /The test has enough/);
    if (!can.halfClose) await until(() => gate.cancelled === 10, "10 cancelled handlers");
    assert.equal(session.state, "closed");
    assert.equal((await session.finished)?.message, "The test has enough");
    gate.open();
    await quiet(server);
    assert.deepEqual(await (await world.dial()).call(numbered(3, 10)), numbered(3, 10));
  });

  test("gives up a dial whose signal aborts", {}, async (world) => {
    const server = await world.serve(echo);
    const reason = new TransportError("cancelled", "The test has enough");
    const error = await failure(world.transport.dial({ signal: AbortSignal.abort(reason) }), "cancelled");
    assert.equal(error.message, reason.message);
    await until(() => (server.channels.connectionsOpen ?? 0) === 0, "no open connection");
  });

  if (can.shared) {
    test("shares the calls among all who listen at one place", {}, async (world) => {
      const servers = [await world.serve(echo), await world.serve(echo)];
      const session = await world.dial();
      for (let i = 0; servers.some(({ calls }) => calls.started === 0); i++) {
        assert.deepEqual(await session.call(numbered(i, 10)), numbered(i, 10));
      }
      await servers[0].shutdown();
      for (let i = 0; i < 10; i++) assert.deepEqual(await session.call(numbered(i, 10)), numbered(i, 10));
    });
    return;
  }

  test("refuses to listen where somebody else does", {}, async (world) => {
    await world.serve(echo);
    await failure(world.serve(echo), "address-in-use", "no");
  });
}
