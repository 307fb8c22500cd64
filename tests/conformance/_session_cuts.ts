/**
 * Conformance of sessions: connections that break, at every stage of a call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { ErrorCode, Server, Session } from "../../mod.ts";
import { failure, Watched } from "../support/calls.ts";
import { numbered, sameBytes, until, within } from "../support/channels.ts";
import type { Cut } from "../support/fault_proxy.ts";
import { type Bytes, echo, Gate, quiet, type World } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

const lost: readonly ErrorCode[] = ["connection-lost", "connect-failed"];

/** Large enough that a cut falls into the middle of it. */
const largeBytes = 900_000;

/** Checks that a server and a client of it work as if nothing had happened. */
async function works(world: World, server: Server): Promise<void> {
  await quiet(server);
  const session = await world.dial();
  sameBytes(await session.call(numbered(1, 1000)), numbered(1, 1000), "a call on a new connection");
}

/** Checks that a session whose connection broke is over, where it is that connection. */
async function over(session: Session<Bytes, Bytes>, can: Capabilities): Promise<void> {
  assert.equal(session.load, 0);
  if (!can.connection) return;
  await within(session.finished, "the session's end");
  assert.equal(session.state, "closed");
  await failure(session.call(new Uint8Array(1)), "closed", "no");
}

/** Registers them. */
export function cutTests(test: SessionTest, can: Capabilities): void {
  // Without a connection to a server, and without a port for a proxy, there is nothing to cut.
  if (can.shared && !can.port) return;
  for (const how of ["fin", "reset"] satisfies Cut[]) {
    const name = how === "fin" ? "ends" : "is reset";

    // Without a port to put a proxy at, it is the server itself that cuts.
    const goOn = can.halfClose && can.port && how === "fin";
    const handlers = goOn ? "whose handlers may go on" : "whose handlers are cancelled";
    test(`settles 100 calls in flight once each when the connection ${name}, ${handlers}`, {
      maxInFlight: 100,
    }, async (world) => {
      const gate = new Gate();
      const server = await world.serve((request, context) => {
        return request.length > 500 ? request : gate.handler(request, context);
      });
      if (can.port) await world.proxy();
      const session = await world.dial();
      const calls = Array.from({ length: 100 }, (_, i) => new Watched(session.call(numbered(i, 20))));
      await gate.reached(100);
      world.cut(how);
      await until(() => calls.every(({ settled }) => settled === 1), "the end of 100 calls");
      for (const { code, error } of calls) {
        assert.equal(code, "connection-lost");
        assert.equal((error as { processed?: string }).processed, "maybe");
      }
      if (!goOn) await until(() => gate.cancelled === 100, "100 cancelled handlers");
      await over(session, can);
      gate.open();
      await until(() => (server.channels.connectionsOpen ?? 0) === 0, "the end of the connection at the server");
      await works(world, server);
      assert.ok(calls.every(({ settled }) => settled === 1));
    });

    if (can.port) portCuts(test, can, how, name);
  }

  test("works through the same client after its connection broke", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve((request, context) => {
      return request[3] === 99 ? gate.handler(request, context) : request;
    });
    if (can.port) await world.proxy();
    const client = world.client();
    for (let i = 0; i < 5; i++) {
      sameBytes(await client(numbered(i, 50)), numbered(i, 50), `call ${i}`);
      const inFlight = failure(client(numbered(99, 50)), "connection-lost", "maybe");
      await gate.reached(i + 1);
      world.cut(i % 2 === 0 ? "reset" : "fin");
      await inFlight;
    }
    sameBytes(await client(numbered(6, 50)), numbered(6, 50), "the last call");
    gate.open();
    await quiet(server);
  });

  if (!can.port) return;

  test("says that nothing was sent where nobody listens", {}, async (world) => {
    const server = await world.serve(echo);
    await server.shutdown();
    const client = world.client({ initialBackoffMs: 1 });
    for (let i = 0; i < 3; i++) await failure(client(new Uint8Array(1)), "connect-failed", "no");
  });
}

/** Cuts that need a proxy which counts bytes. */
function portCuts(test: SessionTest, can: Capabilities, how: Cut, name: string): void {
  test(`rejects calls whose connection ${name} before its first byte`, {}, async (world) => {
    const server = await world.serve(echo);
    const proxy = await world.proxy();
    proxy.cutAfterBytes(0, "up", { how, times: 100 });
    const client = world.client();
    const calls = Array.from({ length: 3 }, () => new Watched(client(new Uint8Array(10))));
    await until(() => calls.every(({ settled }) => settled === 1), "the end of the calls");
    for (const { code } of calls) assert.ok(lost.includes(code!), code);
    assert.equal(server.calls.started, 0);
    // What is left of the rule goes to a byte that never comes.
    proxy.cutAfterBytes(1e12, "up", { how });
    await works(world, server);
  });

  test(`rejects a call whose connection ${name} in the middle of its request`, {}, async (world) => {
    const server = await world.serve(echo);
    const proxy = await world.proxy();
    const session = await world.dial();
    await session.call(new Uint8Array(1));
    proxy.cutAfterBytes(largeBytes / 2, "up", { how });
    const call = new Watched(session.call(numbered(7, largeBytes)));
    await until(() => call.settled === 1, "the end of the call");
    assert.equal(call.code, "connection-lost");
    assert.equal((call.error as { processed?: string }).processed, "maybe");
    await over(session, can);
    await quiet(server);
    assert.ok(server.calls.started <= 1 || !can.connection, "half a request is none");
    await works(world, server);
  });

  test(`rejects a call whose connection ${name} in the middle of its reply`, {}, async (world) => {
    const server = await world.serve((request) => request.length === 2 ? numbered(1, largeBytes) : request);
    const proxy = await world.proxy();
    const session = await world.dial();
    await session.call(new Uint8Array(1));
    proxy.cutAfterBytes(largeBytes / 2, "down", { how });
    const call = new Watched(session.call(new Uint8Array(2)));
    await until(() => call.settled === 1, "the end of the call");
    assert.equal(call.code, "connection-lost");
    assert.notEqual((call.error as { processed?: string }).processed, "no");
    await over(session, can);
    await works(world, server);
    assert.equal(call.settled, 1);
  });
}
