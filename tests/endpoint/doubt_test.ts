/**
 * pool() doubts connections on which calls run out of time.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { holdPings, type ScriptedSession } from "./_script.ts";
import { finish, pooled, type PoolSetUp } from "./_set_up.ts";

/** A call on a session that ends with an error of this code. */
async function end({ call }: PoolSetUp, session: ScriptedSession, error: TransportError): Promise<void> {
  call();
  session.calls.at(-1)!.fail(error);
  await settle();
}

const late = (remote = false) => new TransportError("deadline-exceeded", "Call ended: too late", { remote });

Deno.test("a connection on which a call ran out of time is asked, and given up where it does not answer", async () => {
  const set = pooled({ max: 1, validateTimeoutMs: 50 });
  set.call();
  const dead = await set.connect();
  const pings = holdPings(dead);
  await end(set, dead, late());
  await end(set, dead, late());
  assert.equal(pings.length, 1, "once at a time");
  const caught = set.call();
  await set.clock.advance(49);
  assert.equal(dead.state, "open");
  await set.clock.advance(1);
  assert.equal(dead.state, "closed");
  assert.equal(caught.code, "connection-lost");
  const next = set.call();
  (await set.connect()).calls[0].reply();
  await settle();
  assert.equal(next.error, undefined);
  await finish(set);
});

Deno.test("while a connection is in doubt, calls go to another one, which is opened for them", async () => {
  const set = pooled({ max: 2 });
  set.call();
  const doubted = await set.connect();
  const pings = holdPings(doubted);
  await end(set, doubted, late());
  assert.equal(set.transport.dials.length, 0, "nobody needs another one yet");
  set.call();
  assert.equal(doubted.load, 2, "a doubted connection is better than none");
  const other = await set.connect();
  for (let i = 0; i < 10; i++) set.call();
  assert.deepEqual([doubted.load, other.load], [2, 10]);
  pings[0].resolve(1);
  await settle();
  for (let i = 0; i < 8; i++) set.call();
  assert.deepEqual([doubted.load, other.load], [10, 10], "it has answered, and takes its share again");
  await finish(set);
});

Deno.test("only this side's own timeouts of calls that were sent raise a doubt", async () => {
  const set = pooled({ max: 1 });
  set.call();
  const session = await set.connect();
  const pings = holdPings(session);
  await end(set, session, late(true));
  await end(set, session, new TransportError("cancelled", "Call cancelled"));
  await end(set, session, new TransportError("remote", "The handler failed", { remote: true }));
  await end(set, session, new TransportError("deadline-exceeded", "Call not sent", { processed: "no" }));
  assert.equal(pings.length, 0);
  await end(set, session, late());
  assert.equal(pings.length, 1);
  await finish(set);
});

Deno.test("a connection that can not be asked is not given up", async () => {
  const set = pooled({ max: 1, validateTimeoutMs: 50 });
  set.call();
  const session = await set.connect();
  session.ping = () => Promise.reject(new TransportError("unsupported", "Cannot ping"));
  await end(set, session, late());
  await set.clock.advance(100);
  assert.equal(session.state, "open");
  await finish(set);
});
